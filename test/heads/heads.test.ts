/** @file What every head must do: the public conformance suite. */
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { defineHead, HEADS } from "../../src/heads/index.ts";
import { lda } from "../../src/heads/lda.ts";
import { linearScores } from "../../src/heads/linear-classifier.ts";
import { checkHead, headChecks } from "../../src/testing/index.ts";

describe.each(HEADS.map((head) => [head.name, head] as const))("%s", (_, head) => {
  const options = { randomFeatures: 100 }; // of those that have it: the default takes its time
  for (const { name, run } of headChecks(head, { options })) test(name, run);
});

test("the suite finds a head that looks at the batch, and one that follows nothing", async () => {
  const leaning = defineHead({
    ...lda,
    name: "leaning",
    create(context, options) {
      const inner = lda.create(context, options);
      return {
        ...inner,
        scores: (features, classCount) =>
          inner.scores(features, classCount).map((score) => score + features[0]!),
      };
    },
  });
  await expect(checkHead(leaning)).rejects.toThrow("scores each row by itself: row 1 differs alone");
  /** Keeps class means of its own, and leaves them where they were. */
  const still = defineHead({
    name: "still",
    summary: "",
    source: "",
    options: z.object({}),
    needs: [],
    followsDrift: true,
    create({ width }) {
      let means = new ClassStatistics(width, { scatter: false });
      return {
        add: (task) => means.add(task, { betweenScatter: false }),
        scores: (features, classCount) => linearScores(means.prototypes(), features, width, classCount),
        tensors: () => means.tensors("still."),
        load(tensors) {
          means = ClassStatistics.from(tensors, "still.");
        },
      };
    },
  });
  await expect(checkHead(still)).rejects.toThrow("follows features that move");
});
