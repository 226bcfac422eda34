/** @file No image and no image's features may reach a file: neither the model nor a checkpoint in mid-task. */
import { describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { bytesOf, leaks } from "../support/leaks.ts";
import { recording } from "../support/recording-runtime.ts";
import { oneThread, runMethod, stateBytes } from "../support/run-method.ts";

interface Case {
  readonly name: string;
  readonly heads: readonly string[] | undefined;
  readonly trainPerClass: number;
  readonly options?: Readonly<Record<string, unknown>>;
}
const FEW = { trainPerClass: 6 };
const MORE = { trainPerClass: 12 }; // of them there are directions
const cases: Case[] = METHODS.flatMap(({ name }): Case[] => [
  { name, heads: ["all"], ...FEW },
  { name, heads: ["all"], ...MORE },
  { name, heads: undefined, ...FEW },
]);
/** Rows that start at means of features, and features of the network before, which a training compares with. */
const options = { rows: "cosine", rowStart: "class-means", distillation: 1 };
cases.push(...["fm-lora", "seq-lora"].map((name) => ({ name, heads: ["rows"], options, ...FEW })));
/** What the first block leaves of images, which is kept while a task lasts. */
cases.push({ name: "seq-lora", heads: ["all"], options: { adaptLast: 1 }, ...FEW });

describe.each(cases)(
  "$name, heads $heads, $trainPerClass images a class",
  ({ name, heads, trainPerClass, options }) => {
    const dataset = patternDataset({ classes: 4, trainPerClass, testPerClass: 2 });
    const stream = classIncremental(dataset, { tasks: 2, orderSeed: null });

    test("writes no training image and no feature row into model or checkpoints", async () => {
      const seen = recording(oneThread);
      const files: Buffer[] = [];
      const run = await runMethod(name, stream, {
        runtime: seen.runtime,
        epochs: 2,
        ...(options === undefined ? {} : { options }),
        ...(heads === undefined ? {} : { heads, headOptions: { randomFeatures: 50 } }),
        onCheckpoint: (checkpoint) => files.push(Buffer.from(encodeCheckpoint(checkpoint))),
      });
      files.push(...run.states.map(stateBytes));
      const rows = seen.features.flatMap(({ data, width }) =>
        Array.from({ length: data.length / width }, (_, row) =>
          data.subarray(row * width, (row + 1) * width),
        ),
      );
      const images = await Promise.all(
        stream.tasks
          .flatMap(({ train }) => train)
          .map(async (sample) => {
            const image = await dataset.read(sample);
            return image.kind === "rgb" ? image.data : new Uint8Array();
          }),
      );
      expect(run.context.rememberedBytes).toBeGreaterThan(0); // features are in memory, as in every run
      expect(rows.length).toBeGreaterThanOrEqual(images.length);
      expect(files.length).toBeGreaterThanOrEqual(3);
      const planted = Buffer.concat([Buffer.from(images[0]!), bytesOf(rows[0]!)]); // the search does find what is there
      expect([leaks(planted, [images[0]!], 48), leaks(planted, [bytesOf(rows[0]!)], 16)]).toEqual([1, 1]);
      const [single, double] = [rows.map(bytesOf), rows.map((row) => bytesOf(Float64Array.from(row)))];
      for (const file of files) {
        expect(leaks(file, images, 48)).toBe(0);
        expect(leaks(file, single, 16)).toBe(0);
        expect(leaks(file, double, 32)).toBe(0);
      }
      const state = run.states.at(-1)!;
      if (!("gaussian.directions" in state)) return; // not all methods take that head
      const directions = rowsIn(state, "gaussian.directions").filter((row) =>
        row.some((value) => value !== 0),
      );
      // One for every ten images of a class that a task brings.
      expect(directions).toHaveLength(trainPerClass === MORE.trainPerClass ? 4 : 0);
      const means = rowsIn(state, "statistics.means");
      const origins = [...means, new Float32Array(means[0]!.length)];
      for (const direction of directions)
        for (const row of rows)
          for (const origin of origins) {
            const gap = origin.map((value, i) => row[i]! - value); // distillation looks at more than features, which come first
            expect(Math.abs(cosine(direction, gap))).toBeLessThan(0.99);
          }
    });
  },
);

/** The last axis of a tensor as rows. */
function rowsIn(state: Readonly<Record<string, Tensor>>, name: string): Float32Array[] {
  const { data, dims } = state[name]!;
  const width = dims.at(-1)!;
  return Array.from({ length: data.length / width }, (_, row) =>
    Float32Array.from(data.subarray(row * width, (row + 1) * width) as Float32Array),
  );
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}
