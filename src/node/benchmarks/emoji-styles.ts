/** @file Six artists as domains: the classes are Unicode's subgroups, the test images other emoji of the subgroup. */
import * as z from "zod";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { EMOJI_SOURCE, EMOJI_STYLES, emojiDrawings } from "./emoji-drawings.ts";

/** Every fourth emoji of a subgroup is for testing, in every style: no artist's drawing of it is trained on. */
const TEST_EVERY = 4;

const OPTIONS = z.object({
  leastEmoji: z
    .number()
    .int()
    .min(TEST_EVERY)
    .default(12)
    .describe("leave out subgroups with fewer emoji than this"),
});

/** Domain-incremental emoji: the same subgroups, artist after artist. */
export const emojiStyles = defineBenchmark({
  name: "emoji-styles",
  kind: "domain-incremental",
  tasks: EMOJI_STYLES.length,
  summary: "Unicode's emoji subgroups (animals, clothing, transport...) in the styles of six artists",
  needs: "nothing but its npm packages",
  source: { ...EMOJI_SOURCE, images: 4398, classes: 38 },
  usesData: false,
  options: OPTIONS,
  async open({ options: { leastEmoji: least } }): Promise<Dataset> {
    const drawings = await emojiDrawings();
    const bySubgroup = new Map<string, string[]>();
    for (const { name, subgroup } of drawings.emoji) {
      bySubgroup.set(subgroup, [...(bySubgroup.get(subgroup) ?? []), name]);
    }
    const classes = [...bySubgroup].filter(([, names]) => names.length >= least);
    if (classes.length < 2) {
      throw new InputError(
        `benchmark emoji-styles: --least-emoji ${least}: leaves ${classes.length} classes; expected a smaller number`,
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
});
