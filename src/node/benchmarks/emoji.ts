/** @file Emoji as classes: learnt from five artists' drawings, tested on the sixth's. */
import type { Dataset } from "../../data/dataset.ts";
import { type Benchmark, readOptions, refuseData } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, type Emoji, emojiDrawings } from "./emoji-drawings.ts";

// Held out by default: the one set of middling difficulty whose makers drew no other (nearest training drawing, by
// pixels, 200 emoji: openmoji 26 %, emojione 48, fluent-emoji-flat 52, noto-v1 53, twemoji 60, noto 68; half of
// noto-v1's come from its successor noto).
const OPTIONS = {
  classes: { default: 200, summary: "how many emoji, spread over Unicode's subgroups" },
  "test-style": {
    default: "fluent-emoji-flat",
    summary: `the artist held out for testing: ${EMOJI_STYLES.join(", ")}`,
  },
} as const;

/** Class-incremental emoji; test images are by an artist whose drawings are never trained on. */
export const emoji: Benchmark = {
  name: "emoji",
  kind: "class-incremental",
  tasks: 10,
  summary: "200 emoji in five artists' drawings, tested on a sixth artist's",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 1200, classes: 200 },
  usesData: false,
  options: OPTIONS,
  async open(options): Promise<Dataset> {
    refuseData("emoji", options);
    const { classes, "test-style": testStyle } = readOptions("emoji", OPTIONS, options.options);
    const held = (EMOJI_STYLES as readonly string[]).indexOf(testStyle);
    if (held < 0) {
      throw new InputError(
        `emoji: option "test-style" is "${testStyle}"; expected one of: ${EMOJI_STYLES.join(", ")}`,
      );
    }
    const drawings = await emojiDrawings();
    if (classes < 2 || classes > drawings.emoji.length) {
      throw new InputError(`emoji: option "classes" is ${classes}; expected 2 to ${drawings.emoji.length}`);
    }
    const chosen = spread(drawings.emoji, classes);
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
};

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
