/** @file Emoji as classes: learned from five artists' drawings, tested on the sixth's. */
import * as z from "zod";
import type { Dataset } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, type Emoji, emojiDrawings } from "./emoji-drawings.ts";

// Held out by default: the one set of middling difficulty whose makers drew no other (nearest training drawing, by
// pixels, 200 emoji: openmoji 26 %, emojione 48, fluent-emoji-flat 52, noto-v1 53, twemoji 60, noto 68; half of
// noto-v1's come from its successor noto).
const OPTIONS = z.object({
  classes: z.number().int().min(2).default(200).describe("how many emoji, spread over Unicode's subgroups"),
  testStyle: z
    .enum(EMOJI_STYLES)
    .default("fluent-emoji-flat")
    .describe("the artist whose drawings are held out for testing"),
});

/** Class-incremental emoji; test images are by an artist whose drawings are never trained on. */
export const emoji = defineBenchmark({
  name: "emoji",
  kind: "class-incremental",
  tasks: 10,
  summary: "200 emoji in five artists' drawings, tested on a sixth artist's",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 1200, classes: 200 },
  usesData: false,
  options: OPTIONS,
  async open({ options: { classes, testStyle } }): Promise<Dataset> {
    const held = EMOJI_STYLES.indexOf(testStyle);
    const drawings = await emojiDrawings();
    const chosen = classEmoji("emoji", drawings.emoji, classes);
    const samples = (domains: readonly number[]): Dataset["train"] =>
      domains.flatMap((domain) =>
        chosen.map(({ name }, label) => ({ id: `${EMOJI_STYLES[domain]}/${name}`, label, domain })),
      );
    return {
      name: "emoji",
      classNames: chosen.map(({ name }) => name),
      domainNames: EMOJI_STYLES,
      train: samples(EMOJI_STYLES.map((_, domain) => domain).filter((domain) => domain !== held)),
      test: samples([held]),
      // Five drawings a class need more than mirroring, and a mirrored arrow or hand is another emoji.
      augmentation: { crop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] }, flip: 0 },
      read: drawings.read,
    };
  },
});

/** The emoji that are the classes. @throws InputError if there are not so many */
export function classEmoji(benchmark: string, all: readonly Emoji[], classes: number): Emoji[] {
  if (classes <= all.length) return spread(all, classes);
  throw new InputError(
    `benchmark ${benchmark}: --classes ${classes}: expected at most ${all.length}, the emoji that all artists have drawn`,
  );
}

/**
 * `count` emoji, evenly over the subgroups: the first of each, then the second of each, and so on in Unicode's order,
 * until there are enough; the result is in Unicode's order.
 */
export function spread(all: readonly Emoji[], count: number): Emoji[] {
  const seen = new Map<string, number>();
  const ranked = all.map((one, place) => {
    const rank = seen.get(one.subgroup) ?? 0;
    seen.set(one.subgroup, rank + 1);
    return { one, place, rank };
  });
  const chosen = ranked.sort((a, b) => a.rank - b.rank || a.place - b.place).slice(0, count);
  return chosen.sort((a, b) => a.place - b.place).map(({ one }) => one);
}
