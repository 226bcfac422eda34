/** @file The rows, where they start, and what holds features back: options that methods share. */
import { describe, expect, test } from "vitest";
import { float32Data } from "../../src/tensor/tensor.ts";
import { methodChecks } from "../../src/testing/index.ts";
import { learn, learnerOf, patternBatch, steps, taskOf } from "../support/one-task.ts";
import { dot, meanRow, rowsOf, unit } from "../support/plain-vit.ts";
import { methodOf, oneThread, stateBytes } from "../support/run-method.ts";

const D = 32;
const METHODS = ["fm-lora", "seq-lora", "first-task", "joint"];
const first = patternBatch([0, 1, 0, 1, 1, 0]);
const second = patternBatch([2, 3, 2, 3, 3]);
/** Rows that have much to learn. */
const LINEAR = { rows: "linear", rowStart: "zero" };
const start = { epoch: 0, step: 0, progress: 0 };

/**
 * Last accuracy by the method's own head; chance is 0.125. Cosine rows that start at class means have nothing left to
 * learn from images as easy as these: every loss would be 0.
 */
const WHOLE = [
  { name: "fm-lora", options: { rows: "linear", rowStart: "class-means", distillation: 1 }, floor: 0.9 },
  { name: "fm-lora", options: { rows: "linear", rowStart: "zero", distillation: 0 }, floor: 0.9 },
  { name: "seq-lora", options: { rows: "cosine", distillation: 1 }, floor: 0.25 },
] as const;

describe.each(WHOLE)("$name with $options", ({ name, options, floor }) => {
  for (const check of methodChecks(methodOf(name), { runtime: oneThread, floor, options })) {
    test(check.name, check.run);
  }
});

describe.each(METHODS)("%s", (name) => {
  test("rows start at the means of their classes' features, each at length 1; known rows go on", async () => {
    const learner = learnerOf(name, { options: { rowStart: "class-means" } });
    const features = rowsOf(await learner.features(first), D).map(unit);
    const training = await steps(learner, first, 0);
    const rows = rowsOf(float32Data(training.state()["trained/head.weight"]!), D);
    for (const label of [0, 1]) {
      const mean = meanRow(features.filter((_, i) => first.labels[i] === label));
      for (const [j, value] of mean.entries()) expect(rows[label]![j]).toBeCloseTo(value, 5);
    }
    await training.step(first, start);
    await learner.end(taskOf(first));
    const kept = learner.state()["head.weight"]!.data;
    if (name === "first-task") return; // trains no more
    const { training: again } = await learner.begin(taskOf(first, 1));
    expect(again!.state()["trained/head.weight"]!.data.slice(0, 2 * D)).toEqual(kept);
    await learner.dispose();
  });

  test("cosine rows train by 20 cos and classify by it, before and after they are read from a file", async () => {
    const learner = learnerOf(name, { options: { rows: "cosine" } });
    const features = rowsOf(await learner.features(first), D).map(unit);
    const { training } = await learner.begin(taskOf(first));
    const drawn = rowsOf(float32Data(training!.state()["trained/head.weight"]!), D).slice(0, 2);
    expect(drawn.every((row) => row.some((value) => value !== 0))).toBe(true);
    const losses = features.map((f, i) => {
      const logits = drawn.map((row) => 20 * dot(unit(row), f));
      return Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[first.labels[i]!]!;
    });
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(await training!.step(first, start)).toBeCloseTo(mean, 3);
    await learner.end(taskOf(first));
    const state = learner.state();
    const trained = rowsOf(float32Data(state["head.weight"]!), D);
    expect(Math.abs(dot(trained[0]!, trained[0]!) - 1)).toBeGreaterThan(1e-6); // kept as trained, of any length
    expect([...state["head.bias"]!.data]).toEqual([0, 0]);
    const now = await learner.features(first);
    const scores = rowsOf(learner.classify!(now, 3), 3);
    for (const [i, f] of rowsOf(now, D).map(unit).entries()) {
      for (const c of [0, 1]) expect(scores[i]![c]).toBeCloseTo(20 * dot(unit(trained[c]!), f), 4);
      expect(scores[i]![2]).toBe(Number.NEGATIVE_INFINITY);
    }
    const read = learnerOf(name, { options: { rows: "cosine" } });
    await read.load(state);
    expect(read.classify!(now, 3)).toEqual(learner.classify!(now, 3));
    const { unitFeatures, weight, bias } = read.classify!.linear!() as ReturnType<
      NonNullable<NonNullable<typeof read.classify>["linear"]>
    >;
    expect([unitFeatures, ...bias]).toEqual([true, 0, 0]); // what an export computes
    for (const row of rowsOf(weight, D)) expect(Math.hypot(...row)).toBeCloseTo(20, 5);
    for (const each of [learner, read]) await each.dispose();
  });
});

describe.each(["fm-lora", "seq-lora"])("%s", (name) => {
  test("distillation leaves the first task as it is, and holds the features of later ones back", async () => {
    const states: Buffer[] = [];
    const moved: number[] = [];
    for (const distillation of [0, 10]) {
      const learner = learnerOf(name, {
        options: {
          distillation,
          basesRate: 0.05,
          ...LINEAR,
          ...(name === "fm-lora" && { prompts: true, firstBasesRate: 0.05 }), // more that moves
        },
      });
      await learn(learner, first, 3);
      states.push(stateBytes(learner.state()));
      const before = await learner.features(second);
      await learn(learner, second, 8, 1);
      const after = await learner.features(second);
      moved.push(Math.hypot(...after.map((value, i) => value - before[i]!)));
      await learner.dispose();
    }
    expect(states[0]).toEqual(states[1]);
    expect(moved[0]).toBeGreaterThan(0.05);
    expect(moved[1]).toBeLessThan(0.75 * moved[0]!);
  });

  test("distillation weighs by the share of known classes that a task leaves out: nothing where all come again", async () => {
    const again = { images: second.images, labels: Int32Array.of(0, 1, 0, 1, 1), count: second.count };
    const half = { images: second.images, labels: Int32Array.of(0, 2, 0, 2, 2), count: second.count };
    const moved = async (task: typeof again, distillation: number): Promise<Float32Array> => {
      const options = {
        ...LINEAR,
        distillation,
        basesRate: 0.05,
        ...(name === "fm-lora" && { firstBasesRate: 0.05 }),
      };
      const learner = learnerOf(name, { options });
      await learn(learner, first, 3);
      await learn(learner, task, 8, 1);
      const features = await learner.features(second);
      await learner.dispose();
      return features;
    };
    expect(await moved(again, 10)).toEqual(await moved(again, 0));
    expect(await moved(half, 10)).not.toEqual(await moved(half, 0));
  });
});
