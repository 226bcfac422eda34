/** @file As many tasks as wanted: the same emoji, their pixels in another order in every domain. */
import type { Dataset, Sample } from "../../data/dataset.ts";
import { type Benchmark, readOptions, refuseData } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import { sharpTransform } from "../images/transform.ts";
import { spread } from "./emoji.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, emojiDrawings } from "./emoji-drawings.ts";

const OPTIONS = {
  permutations: { default: 10, summary: "how many domains, and so tasks; the first has its pixels in place" },
  classes: { default: 10, summary: "how many emoji" },
} as const;

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
export const permuted: Benchmark = {
  name: "permuted",
  kind: "domain-incremental",
  tasks: OPTIONS.permutations.default,
  summary: "emoji with their pixels permuted, another permutation a task: streams of thousands of tasks",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 600, classes: 10 },
  usesData: false,
  options: OPTIONS,
  async open(options): Promise<Dataset> {
    refuseData("permuted", options);
    const { permutations, classes } = readOptions("permuted", OPTIONS, options.options);
    const drawings = await emojiDrawings();
    checkRange("permutations", permutations, 2, 100_000);
    checkRange("classes", classes, 2, drawings.emoji.length);
    const chosen = spread(drawings.emoji, classes);
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
    const order = permutationsOf(options.seed ?? 0);
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
};

function checkRange(option: string, value: number, least: number, most: number): void {
  if (value < least || value > most) {
    throw new InputError(`permuted: option "${option}" is ${value}; expected ${least} to ${most}`);
  }
}

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
