/** @file No image and no image's features may reach a file: neither the model nor a checkpoint in mid-task. */
import { describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { bytesOf, leaks } from "../support/leaks.ts";
import { recording } from "../support/recording-runtime.ts";
import { oneThread, runMethod, stateBytes } from "../support/run-method.ts";

const dataset = patternDataset({ classes: 4, trainPerClass: 6, testPerClass: 2 });
const stream = classIncremental(dataset, { tasks: 2, orderSeed: null });

describe.each(METHODS.map(({ name }) => name))("%s", (name) => {
  test("writes no training image and no feature row into model or checkpoints", async () => {
    const seen = recording(oneThread);
    const files: Buffer[] = [];
    const run = await runMethod(name, stream, {
      runtime: seen.runtime,
      epochs: 2,
      onCheckpoint: (checkpoint) => files.push(Buffer.from(encodeCheckpoint(checkpoint))),
    });
    files.push(...run.states.map(stateBytes));
    const rows = seen.features.flatMap(({ data, width }) =>
      Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width)),
    );
    const images = await Promise.all(
      stream.tasks
        .flatMap(({ train }) => train)
        .map(async (sample) => {
          const image = await dataset.read(sample);
          return image.kind === "rgb" ? image.data : new Uint8Array();
        }),
    );
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
  });
});
