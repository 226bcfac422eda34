/** @file E2-LoRA: changes away from kept directions of outputs, which of these are kept, and the teacher of past logits. */
import { describe, expect, test } from "vitest";
import { GroupMemory } from "../../src/methods/e2-lora/group-memory.ts";
import { keptRanks, outputDirections, truncated } from "../../src/methods/e2-lora/output-directions.ts";
import { product, transposed } from "../../src/tensor/linear-algebra.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const options = { changeRate: 0.05, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2]), patternBatch([4, 5, 5, 4])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);
const memoryOf = (state: Readonly<Record<string, Tensor>>, name: string, out: number): GroupMemory =>
  new GroupMemory(name, [out, WIDTH]).from(state);

const after = async () => {
  const learner = learnerOf("e2-lora", { options, backbone });
  const [sizes, states]: [number[], Record<string, Tensor>[]] = [[], []];
  for (const [index, batch] of batches.entries()) {
    sizes.push((await learn(learner, batch, 3, index)).size);
    states.push(learner.state());
  }
  return { learner, sizes, states };
};

test("three tasks in what past ones have left, as torch computes them with explicit bases of it", async () => {
  const expected = golden("e2-lora");
  const { learner, states } = await after();
  for (const [task, state] of states.entries()) {
    const attention = memoryOf(state, "blocks.1.attention", 3 * WIDTH);
    expect(attention.tasks.map(({ energies }) => energies.length)).toEqual(expected[`ranks ${task}`]);
    expectClose(attention.change(), expected[`attention ${task}`]!, `attention ${task}`, 2e-3);
    const mlp = memoryOf(state, "blocks.1.mlp", 2 * WIDTH).tasks.at(-1)!;
    expectClose(mlp.energies, expected[`energies ${task}`]!, `energies ${task}`, 2e-3);
    expectClose(
      memoryOf(state, "blocks.2.mlp", 2 * WIDTH).change(),
      expected[`mlp ${task}`]!,
      `mlp ${task}`,
      2e-3,
    );
    const rows = numbers(state["head.weight"]).slice(2 * task * WIDTH);
    expectClose(rows, expected[`rows ${task}`]!, `rows ${task}`, 1e-3);
  }
  await learner.dispose();
});

test("changes fused layers, keeps room for all outputs and no more, and stays away from kept directions", async () => {
  const { learner, sizes, states } = await after();
  const size = 3 * (3 + 2) * WIDTH * WIDTH + 2 * (WIDTH + 1);
  expect(sizes).toEqual([size, size, size]);
  const shapes = states.map((state) =>
    Object.entries(state).flatMap(([name, { dims }]) => (name.startsWith("head") ? [] : [`${name} ${dims}`])),
  );
  expect(shapes[2]).toEqual(shapes[0]);
  for (const [block, out] of [
    ["attention", 3 * WIDTH],
    ["mlp", 2 * WIDTH],
  ] as const) {
    const memory = memoryOf(states[2]!, `blocks.1.${block}`, out);
    expect(memory.rank).toBeLessThanOrEqual(out);
    const columns = memory.columns();
    const products = product(transposed(columns, out, memory.rank), out, columns, memory.rank);
    for (const [i, value] of products.entries())
      expect(value).toBeCloseTo(i % (memory.rank + 1) === 0 ? 1 : 0, 4);
  }
  await learner.dispose();
});

describe("keptRanks(tasks, room)", () => {
  const task = (energies: readonly number[]) => ({
    total: energies.reduce((sum, energy) => sum + energy, 0),
    energies,
    directions: new Float64Array(),
    inputs: new Float64Array(),
  });

  test("all that hold energy, where there is room", () => {
    expect(keptRanks([task([3, 2, 1]), task([1, 1])], 5)).toEqual([3, 2]);
    expect(keptRanks([], 0)).toEqual([]);
  });

  test("those with the least energy go first, and each task keeps one", () => {
    expect(keptRanks([task([100, 1, 0.1]), task([1, 1, 1])], 5)).toEqual([2, 3]);
    expect(keptRanks([task([1, 1, 1]), task([100, 1, 0.1])], 2)).toEqual([1, 1]);
  });

  test("what a task has lost still counts in its energy", () => {
    const rest = { ...truncated(task([90, 9, 1]), 1) };
    expect(rest.total).toBe(100);
    expect(keptRanks([rest], 3)).toEqual([1]);
  });
});

test("directions are those of the outputs' covariance, the change in them is all of it", () => {
  const rng = Rng.at("output directions");
  const change = Float64Array.from({ length: 6 * 4 }, () => rng.normal());
  const rows = Float64Array.from({ length: 4 * 4 }, () => rng.normal());
  const covariance = product(transposed(rows, 4, 4), 4, rows, 4);
  const found = outputDirections(change, covariance, 4);
  expect(found.energies).toHaveLength(4);
  const outputs = product(product(change, 4, covariance, 4), 4, transposed(change, 6, 4), 6);
  const through = product(product(found.directions, 6, outputs, 6), 6, transposed(found.directions, 4, 6), 4);
  for (const [i, value] of through.entries())
    expect(value).toBeCloseTo(i % 5 === 0 ? found.energies[i / 5]! : 0, 6);
  expectClose(product(transposed(found.directions, 4, 6), 4, found.inputs, 4), [...change], "change", 1e-8);
});

test("an image takes one forward pass", async () => {
  expect(await forwardPasses("e2-lora", 2)).toBe(1);
});
