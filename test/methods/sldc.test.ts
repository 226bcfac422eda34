/** @file SLDC holds features near those before a task, and its drift map is linear in their directions. */
import { expect, test } from "vitest";
import { linear } from "../../src/heads/drift/linear.ts";
import { product } from "../../src/tensor/linear-algebra.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const RANK = 3;
const options = { rank: RANK, basesRate: 0.05, headRate: 0.3 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);
const update = (state: Readonly<Record<string, Tensor>>, site: string): Float64Array =>
  product(numbers(state[`${site}.b`]), RANK, numbers(state[`${site}.a`]), state[`${site}.a`]!.dims[1]!);
const expected = golden("sldc");

test("two tasks of symmetric cross-entropy with features held, as torch computes them from the definition", async () => {
  const learner = learnerOf("sldc", { options, backbone });
  for (const [task, batch] of batches.entries()) {
    const training = await learn(learner, batch, 3, task);
    // A and B of queries, keys, values [16, 16], fc1 [32, 16] and fc2 [16, 32]; rows
    expect(training.size).toBe(3 * RANK * (3 * 32 + 2 * 48) + 2 * (WIDTH + 1));
    const state = learner.state();
    expectClose(update(state, "blocks.1.fc2"), expected[`fc2 ${task}`]!, `fc2 ${task}`, 1e-3);
    expectClose(update(state, "blocks.2.value"), expected[`value ${task}`]!, `value ${task}`, 1e-3);
    const rows = numbers(state["head.weight"]).slice(2 * task * WIDTH);
    expectClose(rows, expected[`rows ${task}`]!, `rows ${task}`, 1e-3);
  }
  expectClose(await learner.features(batches[1]!), expected.after!, "features", 1e-3);
  await learner.dispose();
});

test("the more distillation, the nearer features stay to those before the task", async () => {
  const moved = async (distillation: number): Promise<number> => {
    const learner = learnerOf("sldc", { options: { ...options, basesRate: 0.005, distillation }, backbone });
    await learn(learner, batches[0]!, 6);
    const before = await learner.features(batches[1]!);
    await learn(learner, batches[1]!, 6, 1);
    const after = await learner.features(batches[1]!);
    await learner.dispose();
    return Math.hypot(...after.map((value, i) => value - before[i]!));
  };
  expect(await moved(3)).toBeLessThan(await moved(0));
});

test("the state has the same arrays after any task, and the rows of past classes stay bit for bit", async () => {
  const learner = learnerOf("sldc", { options, backbone });
  await learn(learner, batches[0]!, 3);
  const first = learner.state();
  await learn(learner, batches[1]!, 3, 1);
  const second = learner.state();
  expect(Object.keys(second)).toEqual(Object.keys(first));
  expect(numbers(second["head.weight"]).slice(0, 2 * WIDTH)).toEqual(numbers(first["head.weight"]));
  await learner.dispose();
});

test("the drift map linear moves points and scatters as torch computes them", () => {
  const [before, after] = [expected.before!, expected.after!].map((rows) => Float32Array.from(rows));
  const map = linear.fit(before!, after!, WIDTH, { driftGamma: 1e-4 })!;
  expectClose(map.points(Float64Array.from(expected.means!)), expected.moved!, "means", 1e-5);
  expectClose(map.scatter(Float64Array.from(expected.scatter!)), expected["moved scatter"]!, "scatter", 1e-5);
  expect(linear.fit(new Float32Array(), new Float32Array(), WIDTH, { driftGamma: 1e-4 })).toBeUndefined();
});

test("an image takes one forward pass", async () => {
  expect(await forwardPasses("sldc", 2)).toBe(1);
});
