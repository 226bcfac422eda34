/** @file Six artists as domains: the classes are Unicode's subgroups, the test images other emoji of the subgroup. */
import type { Dataset, Sample } from "../../data/dataset.ts";
import { type Benchmark, readOptions, refuseData } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, emojiDrawings } from "./emoji-drawings.ts";

const OPTIONS = {
  "least-emoji": { default: 12, summary: "leave out subgroups with fewer emoji than this" },
} as const;

/** Every fourth emoji of a subgroup is for testing, in every style: no artist's drawing of it is trained on. */
const TEST_EVERY = 4;

/** Domain-incremental emoji: the same subgroups, artist after artist. */
export const emojiStyles: Benchmark = {
  name: "emoji-styles",
  kind: "domain-incremental",
  tasks: EMOJI_STYLES.length,
  summary: "Unicode's emoji subgroups (animals, clothing, transport...) in the styles of six artists",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 4398, classes: 38 },
  usesData: false,
  options: OPTIONS,
  async open(options): Promise<Dataset> {
    refuseData("emoji-styles", options);
    const least = readOptions("emoji-styles", OPTIONS, options.options)["least-emoji"];
    if (least < TEST_EVERY) {
      throw new InputError(
        `emoji-styles: option "least-emoji" is ${least}; expected ${TEST_EVERY} or more, as every ${TEST_EVERY}th is for testing`,
      );
    }
    const drawings = await emojiDrawings();
    const bySubgroup = new Map<string, string[]>();
    for (const { name, subgroup } of drawings.emoji) {
      bySubgroup.set(subgroup, [...(bySubgroup.get(subgroup) ?? []), name]);
    }
    const classes = [...bySubgroup].filter(([, names]) => names.length >= least);
    if (classes.length < 2) {
      throw new InputError(
        `emoji-styles: option "least-emoji" is ${least}, which leaves ${classes.length} classes; lower it`,
      );
    }
    const samples = (forTest: boolean): Sample[] =>
      EMOJI_STYLES.flatMap((style, domain) =>
        classes.flatMap(([, names], label) =>
          names
            .filter((_, place) => (place % TEST_EVERY === TEST_EVERY - 1) === forTest)
            .map((name) => ({ id: `${style}/${name}`, label, domain })),
        ),
      );
    return {
      name: "emoji-styles",
      classNames: classes.map(([subgroup]) => subgroup),
      domainNames: EMOJI_STYLES,
      train: samples(false),
      test: samples(true),
      augmentation: { crop: { scale: [0.35, 1], ratio: [3 / 4, 4 / 3] }, flip: 0.5 },
      read: drawings.read,
    };
  },
};
