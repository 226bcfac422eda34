/** @file CL-LoRA: what tasks share and what is their own, the teacher, block weights and prototypes. */
import { expect, test } from "vitest";
import { OwnPrototypes } from "../../src/methods/parts/own-prototypes.ts";
import { product } from "../../src/tensor/linear-algebra.ts";
import { withPrefix } from "../../src/tensor/prefix.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const RANK = 3;
const options = {
  rank: RANK,
  orthogonality: 0.1,
  basesRate: 0.1,
  weightRate: 0.2,
  headRate: 0.1,
  scaleRate: 0.05,
};
const SHARED = ["blocks.0.query", "blocks.0.value"];
const OWN = [1, 2].flatMap((block) => [`blocks.${block}.query`, `blocks.${block}.value`]);
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);

const after = async (changes: Readonly<Record<string, unknown>> = {}) => {
  const learner = learnerOf("cl-lora", { options: { ...options, ...changes }, backbone });
  const [sizes, states]: [number[], Record<string, Tensor>[]] = [[], []];
  for (const [index, batch] of batches.entries()) {
    sizes.push((await learn(learner, batch, 3, index)).size);
    states.push(learner.state());
  }
  return { learner, sizes, states };
};
/** U D of a shared layer. */
const update = (state: Readonly<Record<string, Tensor>>, site: string): Float64Array =>
  product(numbers(state[`${site}.b`]), RANK, numbers(state[`${site}.a`]), WIDTH);

test("two tasks with a teacher and unlike block weights as torch computes them from the definition", async () => {
  const expected = golden("cl-lora");
  const { learner, states } = await after();
  for (const [task, state] of states.entries()) {
    expectClose(update(state, SHARED[0]!), expected[`update ${task}`]!, `update ${task}`, 1e-3);
    const own = withPrefix(`tasks.${task}.`, state);
    const weights = OWN.map((site) => numbers(own[`${site}.scales`])[0]!);
    expectClose(weights, expected[`mu ${task}`]!, `mu ${task}`);
    expectClose(numbers(own[`${OWN[1]!}.b`]), expected[`own ${task}`]!, `own ${task}`, 1e-3);
  }
  const means = numbers(states[1]!["prototypes.means"]);
  for (const label of [0, 1, 2, 3])
    expectClose(means.slice(label * WIDTH, (label + 1) * WIDTH), expected[`mean ${label}`]!, `mean ${label}`);
  const features = await learner.features(batches[0]!);
  const first = Array.from({ length: batches[0]!.count }, (_, i) =>
    [...features].slice(2 * i * WIDTH, (2 * i + 1) * WIDTH),
  );
  expectClose(first.flat(), expected.first!, "features of the first task");
  await learner.dispose();
});

test("attachedTeacher lets the teacher's answers move the classifier", async () => {
  const { learner, states } = await after({ attachedTeacher: true });
  expectClose(update(states[1]!, SHARED[0]!), golden("cl-lora")["attached update"]!, "update", 1e-3);
  await learner.dispose();
});

test("trains U of shared layers, A, B and a weight of its own ones; past ones and D stay bit for bit", async () => {
  const { learner, sizes, states } = await after();
  const size = SHARED.length * WIDTH * RANK + OWN.length * (2 * WIDTH * RANK + 1) + 2 * WIDTH + 1;
  expect(sizes).toEqual([size, size]);
  const [first, second] = states as [Record<string, Tensor>, Record<string, Tensor>];
  expect(withPrefix("tasks.0.", second)).toEqual(withPrefix("tasks.0.", first));
  for (const site of SHARED) {
    expect(second[`${site}.a`]).toEqual(first[`${site}.a`]);
    expect(second[`${site}.b`]!.data).not.toEqual(first[`${site}.b`]!.data);
    const gram = product(
      numbers(first[`${site}.a`]),
      WIDTH,
      transposedRows(numbers(first[`${site}.a`])),
      RANK,
    );
    for (const [i, value] of gram.entries()) expect(value).toBeCloseTo(i % (RANK + 1) === 0 ? 1 : 0, 5);
  }
  expect([...second["prototypes.tasks"]!.data]).toEqual([0, 0, 1, 1]);
  await learner.dispose();
});

test("an image takes a forward pass a task", async () => {
  expect(await forwardPasses("cl-lora", 1)).toBe(1);
  expect(await forwardPasses("cl-lora", 3)).toBe(3);
});

test("a class that comes again has a prototype a task, and the nearest counts", () => {
  const prototypes = new OwnPrototypes(2);
  prototypes.add({ features: Float32Array.of(1, 0, 0, 2), labels: Int32Array.of(0, 1) }, 1);
  prototypes.add({ features: Float32Array.of(9, 9, 0, 3), labels: Int32Array.of(0) }, 2);
  prototypes.add({ features: Float32Array.of(9, 9, 3, 0), labels: Int32Array.of(0) }, 2);
  const tensors = prototypes.tensors();
  expect([...tensors["prototypes.counts"]!.data]).toEqual([1, 2, 1]);
  const fresh = new OwnPrototypes(2);
  fresh.load(tensors);
  const scores = fresh.scores(Float32Array.of(0, 1, 1, 1), 2, 3);
  expect(scores[0]).toBeCloseTo(1, 6); // cos((1, 1), (1.5, 1.5)), not cos((0, 1), (1, 0))
  expect(scores[1]).toBeCloseTo(1, 6);
  expect(scores[2]).toBe(Number.NEGATIVE_INFINITY);
});

const transposedRows = (rows: Float32Array): Float32Array =>
  Float32Array.from({ length: rows.length }, (_, i) => rows[(i % RANK) * WIDTH + Math.floor(i / RANK)]!);
