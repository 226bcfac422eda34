/** @file FM-LoRA with each of its parts switched off: it works, and the part is really off. */
import { beforeAll, expect, test } from "vitest";
import { classIncremental } from "../../../src/data/stream.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { float32Data, type Tensor } from "../../../src/tensor/tensor.ts";
import { patternDataset } from "../../../src/testing/patterns.ts";
import { untrainedModel } from "../../../src/testing/train-method.ts";
import {
  type FinishedRun,
  methodOf,
  type RunChanges,
  runMethod,
  testContext,
} from "../../support/run-method.ts";

const dataset = patternDataset({ classes: 6, trainPerClass: 10, testPerClass: 6, noise: 80 });
const stream = classIncremental(dataset, { tasks: 3, orderSeed: null });
/** The published method has them. */
const PROMPTS = { prompts: true };
let full: FinishedRun;
beforeAll(async () => {
  full = await runMethod("fm-lora", stream, { options: PROMPTS });
});

/** Runs with the options, checks that it learns, and that the losses of later tasks are other than those of the full method. */
async function ablated(
  options: Record<string, unknown>,
  floor = 0.9,
  more: RunChanges = {},
): Promise<FinishedRun> {
  const run = await runMethod("fm-lora", stream, { options: { ...PROMPTS, ...options }, ...more });
  const counts = Object.values(run.record.correct)[0]!.at(-1)!;
  expect(counts.reduce((sum, count) => sum + count, 0) / dataset.test.length).toBeGreaterThanOrEqual(floor);
  for (const state of run.states)
    for (const { data } of Object.values(state))
      expect(Array.from(data, Number).every(Number.isFinite)).toBe(true);
  return run;
}

/** Every tensor whose name ends so. */
const named = (state: FinishedRun["states"][number], ending: string): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(state).filter(([name]) => name.endsWith(ending)));

test("rank 8 makes cores of 8 x 8 and never chooses more", async () => {
  const run = await ablated({ rank: 8 });
  for (const core of Object.values(named(run.states[0]!, ".core"))) expect(core.dims).toEqual([8, 8]);
  for (const ranks of run.record.ranks) expect(Math.max(...Object.values(ranks))).toBeLessThanOrEqual(8);
});

test("without prompts there is no prompt tensor", async () => {
  expect(Object.keys(full.states[0]!)).toContain("prompts");
  const run = await ablated({ prompts: false });
  expect(Object.keys(run.states[0]!)).not.toContain("prompts");
});

test("deep prompts train tokens of their own in every block that has them", async () => {
  const run = await ablated({ promptBlocks: 2 });
  const [first, second] = run.states.map(({ prompts }) => prompts!);
  expect(first!.dims).toEqual([2 * 4, 32]);
  const moved = (row: number): number =>
    Math.max(
      ...Array.from({ length: 32 }, (_, i) =>
        Math.abs(Number(second!.data[32 * row + i]) - Number(first!.data[32 * row + i])),
      ),
    );
  expect(Math.min(...Array.from({ length: 8 }, (_, row) => moved(row)))).toBeGreaterThan(0);
  await expect(runMethod("fm-lora", stream, { options: { ...PROMPTS, promptBlocks: 3 } })).rejects.toThrow(
    "this backbone has 2 blocks; choose 2 or less",
  );
});

test("prompt step 0 keeps the first task's prompts, 1 takes each task's own", async () => {
  const [none, all] = [await ablated({ promptStep: 0 }), await ablated({ promptStep: 1 })];
  expect(none.states[2]!.prompts).toEqual(none.states[0]!.prompts);
  const moved = ({ states }: FinishedRun): number => {
    const [before, after] = [states[0]!.prompts!.data, states[1]!.prompts!.data] as [
      Float32Array,
      Float32Array,
    ];
    return Math.hypot(...after.map((x, i) => x - before[i]!));
  };
  expect(moved(full)).toBeGreaterThan(0);
  // Up to there all three runs are the same, and the task trains the same prompts: epsilon is the share taken.
  expect(moved(full) / moved(all)).toBeCloseTo(0.3, 4);
});

test("without the rank selector every task has the full rank, with it not", async () => {
  const run = await ablated({ rankSelector: false });
  for (const ranks of run.record.ranks) expect(new Set(Object.values(ranks))).toEqual(new Set([16]));
  expect(Math.min(...Object.values(full.record.ranks[1]!))).toBeLessThan(16);
  expect(run.record.trainableParameters[1]).toBe(full.record.trainableParameters[1]! - 4 * 5); // gates of 4 sites
});

test("without protection cores change more along the directions that old tasks use", async () => {
  const run = await ablated({ protection: false, rankSelector: false, basesRate: 0 });
  const protectedRun = await runMethod("fm-lora", stream, { options: { rankSelector: false, basesRate: 0 } });
  const disturbance = ({ states }: FinishedRun): number => {
    let sum = 0;
    for (const [name, moment] of Object.entries(named(states[0]!, ".moment"))) {
      const core = name.replace(".moment", ".core");
      const before = states[0]![core]!.data as Float32Array;
      const change = (states[1]![core]!.data as Float32Array).map((x, i) => x - before[i]!);
      sum += quadratic(change, moment.data as Float32Array, 16); // trace of change moment changeᵀ
    }
    return sum;
  };
  expect(disturbance(protectedRun)).toBeLessThan(0.5 * disturbance(run));
});

function quadratic(change: Float32Array, moment: Float32Array, r: number): number {
  let sum = 0;
  for (let row = 0; row < r; row++)
    for (let i = 0; i < r; i++)
      for (let j = 0; j < r; j++) sum += change[row * r + i]! * moment[i * r + j]! * change[row * r + j]!;
  return sum;
}

test("without drift compensation old means stay, with it they move", async () => {
  const run = await ablated({}, 0.5, { drift: "none" });
  const means = ({ states }: FinishedRun, task: number): Float32Array =>
    (states[task]!["statistics.means"]!.data as Float32Array).slice(0, 2 * 32);
  expect(means(run, 2)).toEqual(means(run, 0));
  expect(means(full, 2)).not.toEqual(means(full, 0));
});

test("with trained rows alone it keeps no class statistics", async () => {
  const run = await ablated({}, 0.3, { heads: ["rows"] });
  expect(Object.keys(run.record.correct)).toEqual(["rows"]);
  expect(Object.keys(run.states[0]!).filter((name) => name.startsWith("statistics"))).toEqual([]);
});

test("bases rate 0 freezes A and B after the first task", async () => {
  const run = await ablated({ basesRate: 0 });
  for (const ending of [".a", ".b"]) {
    expect(named(run.states[2]!, ending)).toEqual(named(run.states[0]!, ending));
    expect(named(full.states[2]!, ending)).not.toEqual(named(full.states[0]!, ending));
  }
  expect(named(run.states[2]!, ".core")).not.toEqual(named(run.states[0]!, ".core"));
  expect(run.record.trainableParameters[1]).toBe(full.record.trainableParameters[1]! - 4 * 2 * 16 * 32);
});

test("plasticity counts where the network serves a task badly, from the second task on, and nowhere else", async () => {
  const easy = await ablated({ plasticity: 8 });
  expect(needsOf(easy)).toEqual([0, 0]); // separated by LDA already
  for (const [task, state] of full.states.entries()) expect(easy.states[task]).toEqual(state);
  const noisy = patternDataset({ classes: 6, trainPerClass: 10, testPerClass: 6, noise: 250 });
  const hard = classIncremental(noisy, { tasks: 3, orderSeed: null });
  const run = (plasticity: number) => runMethod("fm-lora", hard, { options: { plasticity, basesRate: 0 } });
  const [without, more] = [await run(0), await run(8)];
  expect(needsOf(without)).toEqual([]);
  expect(needsOf(more)).toHaveLength(2);
  for (const need of needsOf(more)) {
    expect(need).toBeGreaterThan(0);
    expect(need).toBeLessThanOrEqual(1);
  }
  expect(more.states[0]).toEqual(without.states[0]);
  const moved = ({ states }: FinishedRun): number =>
    Math.hypot(
      ...Object.entries(named(states[0]!, ".core")).flatMap(([name, before]) => {
        const from = float32Data(before);
        return Array.from(float32Data(states[1]![name]!), (value, i) => value - from[i]!);
      }),
    );
  expect(moved(more)).toBeGreaterThan(1.5 * moved(without));
});

/** What the tasks have told of their need. */
const needsOf = ({ events }: FinishedRun): number[] =>
  events.flatMap((event) =>
    event.type === "method"
      ? event.figures.flatMap((figure) =>
          figure.kind === "number" && figure.name === "need" ? [figure.value] : [],
        )
      : [],
  );

test("other layers can be adapted", async () => {
  const run = await ablated({ sites: ["fc1", "fc2", "output", "key"], rank: 4 });
  expect(Object.keys(named(run.states[0]!, ".core")).length).toBe(8);
});

test.each(["fm-lora", "seq-lora", "joint"])("%s refuses a rank that the layers do not have", (name) => {
  const create = () => untrainedModel(methodOf(name), testContext(), { options: { rank: 33 } });
  expect(create).toThrow(InputError);
  expect(create).toThrow("rank is 33, but blocks.0.query is [32, 32]; choose 32 or less");
});
