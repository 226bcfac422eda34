// @ts-check
/** @file A head: the nearest of the classes' medians. It keeps a memory of its own, and says that it can't follow drift. */
import { defineHead } from "fm-lora";
import * as z from "zod";

export const medians = defineHead({
  name: "medians",
  summary: "nearest median of a class's features, by the sum of absolute differences",
  source: "an example",
  options: z.object({
    medianScale: z.number().positive().default(1).describe("scores are divided by it"),
  }),
  needs: [],
  followsDrift: false, // a median of features can't be computed from what is kept of them
  create({ width }, { medianScale }) {
    /** @type {Map<number, Float32Array>} */
    let known = new Map();
    return {
      add({ features, labels }) {
        for (const label of new Set(labels)) {
          const rows = [...labels.keys()].filter((row) => labels[row] === label);
          const median = Float32Array.from({ length: width }, (_, i) => {
            const values = rows.map((row) => features[row * width + i]).sort((a, b) => a - b);
            return values[values.length >> 1];
          });
          // A class seen again: half way. What is right here depends on what the head is for.
          const before = known.get(label);
          known.set(label, before === undefined ? median : median.map((value, i) => (value + before[i]) / 2));
        }
      },
      scores(features, classCount) {
        const scores = new Float32Array((features.length / width) * classCount).fill(
          Number.NEGATIVE_INFINITY,
        );
        for (let row = 0; row < features.length / width; row++) {
          for (const [label, median] of known) {
            let distance = 0;
            for (let i = 0; i < width; i++) distance += Math.abs(features[row * width + i] - median[i]);
            scores[row * classCount + label] = -distance / medianScale;
          }
        }
        return scores;
      },
      tensors() {
        const classes = [...known.keys()].sort((a, b) => a - b);
        const rows = new Float32Array(classes.length * width);
        for (const [i, label] of classes.entries()) rows.set(known.get(label) ?? [], i * width);
        return {
          "medians.classes": { dtype: "int32", dims: [classes.length], data: Int32Array.from(classes) },
          "medians.rows": { dtype: "float32", dims: [classes.length, width], data: rows },
        };
      },
      load(tensors) {
        const classes = /** @type {Int32Array} */ (tensors["medians.classes"]?.data);
        const rows = /** @type {Float32Array} */ (tensors["medians.rows"]?.data);
        known = new Map([...classes].map((label, i) => [label, rows.slice(i * width, (i + 1) * width)]));
      },
    };
  },
});
