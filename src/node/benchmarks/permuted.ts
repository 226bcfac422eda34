/** @file As many tasks as wanted: the same emoji, their pixels in another order in every domain. */
import * as z from "zod";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { Rng } from "../../tensor/rng.ts";
import { sharpTransform } from "../images/transform.ts";
import { classEmoji } from "./emoji.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, emojiDrawings } from "./emoji-drawings.ts";

const PERMUTATIONS = 10;
const OPTIONS = z.object({
  permutations: z
    .number()
    .int()
    .min(2)
    .max(100_000)
    .default(PERMUTATIONS)
    .describe("how many domains, and so tasks; the first has its pixels in place"),
  classes: z.number().int().min(2).default(10).describe("how many emoji"),
});

/** Pixels of an image before the backbone's own resizing: few, so that a domain costs little. */
const SIDE = 16;
const PREPROCESSING = {
  size: SIDE,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
  cropFraction: null,
} as const;

/** Domain-incremental: as permuted MNIST (Goodfellow et al., 2013), with drawings. For scale, not for accuracy. */
export const permuted = defineBenchmark({
  name: "permuted",
  kind: "domain-incremental",
  tasks: PERMUTATIONS,
  summary: "emoji with their pixels permuted, another permutation a task: streams of thousands of tasks",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 600, classes: 10 },
  usesData: false,
  options: OPTIONS,
  async open({ seed, options: { permutations, classes } }): Promise<Dataset> {
    const drawings = await emojiDrawings();
    const chosen = classEmoji("permuted", drawings.emoji, classes);
    const domainNames = Array.from({ length: permutations }, (_, domain) => `permutation ${domain + 1}`);
    // The last artist's drawings are for testing, in every domain.
    const [testStyle, ...trainStyles] = EMOJI_STYLES.toReversed();
    const samples = (styles: readonly (string | undefined)[]): Sample[] =>
      domainNames.flatMap((_, domain) =>
        styles.flatMap((style) =>
          chosen.map(({ name }, label) => ({ id: `${style}/${name}`, label, domain })),
        ),
      );
    const plain = new Map<string, Promise<Uint8Array>>();
    const order = permutationsOf(seed);
    return {
      name: "permuted",
      classNames: chosen.map(({ name }) => name),
      domainNames,
      train: samples(trainStyles),
      test: samples([testStyle]),
      augmentation: { crop: null, flip: 0 }, // neighbors mean nothing here
      async read(sample) {
        const { id, domain } = sample;
        const pixels =
          plain.get(id) ?? drawings.read(sample).then((image) => sharpTransform(image, PREPROCESSING, null));
        plain.set(id, pixels);
        return { kind: "rgb", width: SIDE, height: SIDE, data: permutedPixels(await pixels, order(domain)) };
      },
    };
  },
});

/** The order of pixels in a domain; the last one asked for is kept, as tasks come one by one. */
function permutationsOf(seed: number): (domain: number) => readonly number[] {
  const places = Array.from({ length: SIDE * SIDE }, (_, place) => place);
  let last: { readonly domain: number; readonly order: readonly number[] } = { domain: 0, order: places };
  return (domain) => {
    if (domain !== last.domain) {
      const order = domain === 0 ? places : Rng.at(seed, "permutation", domain).shuffled(places);
      last = { domain, order };
    }
    return last.order;
  };
}

function permutedPixels(pixels: Uint8Array, order: readonly number[]): Uint8Array {
  const result = new Uint8Array(pixels.length);
  for (const [to, from] of order.entries()) result.set(pixels.subarray(3 * from, 3 * from + 3), 3 * to);
  return result;
}
