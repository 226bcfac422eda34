/** @file SSIAT goes on training its adapters, and its drift map moves means by the shifts near them. */
import { expect, test } from "vitest";
import { kernel } from "../../src/heads/drift/kernel.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const SIZE = 3;
const options = { size: SIZE, factor: 0.5, margin: 0.1, adapterRate: 0.5, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);
const expected = golden("ssiat");

test("two tasks of cosines with a margin move the same adapters as torch does from the definition", async () => {
  const learner = learnerOf("ssiat", { options, backbone });
  for (const [task, batch] of batches.entries()) {
    const training = await learn(learner, batch, 3, task);
    expect(training.size).toBe(3 * (2 * WIDTH * SIZE + SIZE + WIDTH) + 2 * WIDTH);
    const state = learner.state();
    expectClose(numbers(state["blocks.1.adapter.up.weight"]), expected[`up ${task}`]!, `up ${task}`, 1e-3);
    expectClose(numbers(state["blocks.0.adapter.down.weight"]), expected[`down ${task}`]!, `down ${task}`);
    const rows = numbers(state["head.weight"]).slice(2 * task * WIDTH);
    expectClose(rows, expected[`rows ${task}`]!, `rows ${task}`, 1e-3);
    if (task === 1) {
      const features = await learner.features(batch);
      expectClose(features, expected.after!, "features", 1e-3);
    }
  }
  await learner.dispose();
});

test("the rows of past classes stay bit for bit, and the state has the same adapters after any task", async () => {
  const learner = learnerOf("ssiat", { options, backbone });
  await learn(learner, batches[0]!, 3);
  const first = learner.state();
  await learn(learner, batches[1]!, 3, 1);
  const second = learner.state();
  expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort());
  expect(numbers(second["head.weight"]).slice(0, 2 * WIDTH)).toEqual(numbers(first["head.weight"]));
  for (const name of Object.keys(first).filter((name) => name.includes("adapter")))
    expect(second[name]!.dims, name).toEqual(first[name]!.dims);
  await learner.dispose();
});

test("the drift map kernel moves points by weighted shifts, and leaves scatters", () => {
  const [before, after] = [expected.before!, expected.after!].map((rows) => Float32Array.from(rows));
  const map = kernel.fit(before!, after!, WIDTH, { driftWidth: 1.5 })!;
  const means = Float64Array.from(expected.means!);
  expectClose(map.points(means), expected.moved!, "means", 1e-6);
  expect([...means]).toEqual(expected.means); // not in place
  const square = Float64Array.from({ length: WIDTH * WIDTH }, (_, i) => i);
  expect(map.scatter(square)).toEqual(square);
  expect(kernel.fit(new Float32Array(), new Float32Array(), WIDTH, { driftWidth: 1.5 })).toBeUndefined();
});

test("an image takes one forward pass", async () => {
  expect(await forwardPasses("ssiat", 2)).toBe(1);
});
