/** @file When and on what a run is measured, and what that leaves in its record. */
import { describe, expect, test } from "vitest";
import { blurry } from "../../src/data/blurry.ts";
import { classIncremental, domainIncremental } from "../../src/data/stream.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { runMetrics } from "../../src/train/metrics.ts";
import { type EvaluationPlan, isDue } from "../../src/train/options.ts";
import { copyRecord, joinRecord, splitRecord } from "../../src/train/record.ts";
import { type FinishedRun, runMethod } from "../support/run-method.ts";

const dataset = patternDataset({ classes: 5, trainPerClass: 4, testPerClass: 2 });
const stream = classIncremental(dataset, { increment: 1 });
const domains = domainIncremental(
  patternDataset({ classes: 3, domains: 3, trainPerClass: 4, testPerClass: 2 }),
);

const measured = (
  method: string,
  evaluation: EvaluationPlan,
  over = stream,
  epochs = 1,
): Promise<FinishedRun> => runMethod(method, over, { epochs, run: { evaluation } });
const metricsOf = ({ record }: FinishedRun, chance?: number) =>
  runMetrics(record, {
    method: "m",
    benchmark: "b",
    dataset: "b",
    protocol: "class-incremental",
    backbone: "tiny",
    seed: 1,
    orderSeed: null,
    taskNames: [],
    domainNames: ["a", "b", "c"],
    evaluatedOn: "test",
    peakRssBytes: 0,
    chance,
  });

test.each<[EvaluationPlan["after"], number[]]>([
  ["all", [0, 1, 2, 3, 4]],
  ["last", [4]],
  ["none", []],
  [2, [1, 3, 4]],
  [9, [4]],
])("after %s of five tasks", (after, due) => {
  const tasks = [0, 1, 2, 3, 4];
  expect(tasks.filter((task) => isDue({ after, tasks: "seen" }, task, 5))).toEqual(due);
});

test("a head's bytes are those of a run that has no other head", async () => {
  const bytesOf = async (heads: readonly string[]) => {
    const run = await runMethod("seq-lora", domains, { epochs: 1, heads, drift: "ridge" });
    const { readouts, stateBytes } = metricsOf(run);
    return { stateBytes, readouts };
  };
  const heads = ["gaussian", "rows", "ncm", "aligned"];
  const { readouts: together } = await bytesOf(heads);
  for (const head of heads) expect(together[head]!.stateBytes).toEqual((await bytesOf([head])).stateBytes);
});

describe("evaluation plan", () => {
  test("evaluates after some tasks only: rows there as always, elsewhere empty, and its time is booked apart", async () => {
    const all = await measured("ncm", { after: "all", tasks: "seen" });
    const some = await measured("ncm", { after: 2, tasks: "seen" });
    const expected = all.record.correct.ncm!.map((row, task) => ([1, 3, 4].includes(task) ? row : []));
    expect(some.record.correct.ncm).toEqual(expected);
    expect(some.record.testImages).toEqual([2, 2, 2, 2, 2]);
    const ends = some.events.flatMap((event) => (event.type === "task-end" ? [event.accuracyMicro] : []));
    expect(ends.map((value) => value !== null)).toEqual([false, true, false, true, true]);
    const metrics = metricsOf(some);
    expect(metrics.lastAccuracy).toBe(metricsOf(all).lastAccuracy);
    expect(metrics).toMatchObject({ averageAccuracy: null, forgetting: null });
    expect(metrics.evaluationSeconds.map((seconds) => seconds > 0)).toEqual([false, true, false, true, true]);
    for (const [task, seconds] of metrics.evaluationSeconds.entries()) {
      expect(seconds).toBeLessThanOrEqual(metrics.taskSeconds[task]!);
    }
  });

  test("domains to come: full rows, forward transfer over chance, accuracy on all domains and on each", async () => {
    const run = await measured("ncm", { after: "all", tasks: "all" }, domains);
    expect(run.record.correct.ncm!.map((row) => row.length)).toEqual([3, 3, 3]);
    const metrics = metricsOf(run, 1 / 3);
    const R = metrics.accuracyMatrix as number[][];
    expect(metrics.forwardTransfer).toBeCloseTo((R[0]![1]! + R[1]![2]!) / 2 - 1 / 3, 12);
    expect(metrics.accuracyAllTasks[0]).toBeCloseTo((R[0]![0]! + R[0]![1]! + R[0]![2]!) / 3, 12);
    expect(metrics.accuracyMicro[0]).toBe(R[0]![0]);
    expect(metrics.domainAccuracy).toEqual([[R[0]![0], null, null], [R[1]![0], R[1]![1], null], R[2]]);
  });

  test("accuracy by domain of tasks that mix domains; none where all images are of one", async () => {
    const mixed = classIncremental(
      patternDataset({ classes: 4, domains: 2, trainPerClass: 4, testPerClass: 3 }),
      { tasks: 2 },
    );
    const run = await measured("ncm", { after: "all", tasks: "seen" }, mixed);
    expect(run.record.domainImages).toEqual([
      [6, 6],
      [12, 12],
    ]);
    const { domainAccuracy, accuracyMicro } = metricsOf(run);
    for (const [t, [first, second]] of domainAccuracy.entries()) {
      expect((first! + second!) / 2).toBeCloseTo(accuracyMicro[t]!, 12);
    }
    const single = await measured("ncm", { after: "last", tasks: "seen" });
    expect(metricsOf(single).domainAccuracy).toEqual([]);
  });
});

describe("anytime accuracy", () => {
  const pairs = classIncremental(dataset, { tasks: 2 });
  const plan: EvaluationPlan = { after: "all", tasks: "seen", everyImages: 10 };

  test("is measured between tasks' ends without changing the run", async () => {
    const without = await measured("seq-lora", { after: "all", tasks: "seen" }, pairs, 3);
    const run = await measured("seq-lora", plan, pairs, 3);
    expect(run.losses).toEqual(without.losses);
    expect(run.states.at(-1)).toEqual(without.states.at(-1));
    // 8 and 12 images, three epochs of each, in batches of at most 12.
    const { images, testImages } = run.record.anytime;
    expect(run.record.streamedImages).toBe(60);
    expect(images).toEqual([10, 20, 30, 40, 50, 60]);
    expect(testImages.slice(-1)).toEqual([10]);
    // Nothing is known while the first task trains.
    expect(metricsOf(run).anytimeCurve[0]).toBe(0);
    const told = run.events.flatMap((event) => (event.type === "anytime" ? [event.accuracyMicro] : []));
    expect(told).toEqual(metricsOf(run).anytimeCurve);
  });

  test("takes a task that trains nothing as one: its points see the model before it", async () => {
    const run = await measured("ncm", { ...plan, everyImages: 4 }, pairs);
    expect(run.record.anytime.images).toEqual([4, 8, 12, 16, 20]);
    const after = run.record.correct.ncm!;
    const second = after[0]![0]! / 10;
    expect(metricsOf(run).anytimeCurve).toEqual([0, 0, second, second, second]);
  });

  test("of a blurry stream, with tasks that bring no new class", async () => {
    const blurred = blurry(
      classIncremental(patternDataset({ classes: 6, trainPerClass: 12, testPerClass: 2, noise: 20 }), {
        tasks: 3,
      }),
      { disjoint: 0, scattered: 50, seed: 1 },
    );
    const run = await measured("fm-lora", { ...plan, everyImages: 20 }, blurred);
    expect(run.record.testImages).toEqual([12, 0, 0]);
    const metrics = metricsOf(run);
    expect(metrics.accuracyMatrix.map((row) => row.slice(1).every((value) => value === null))).toEqual([
      true,
      true,
      true,
    ]);
    expect(metrics.lastAccuracy).toBeGreaterThanOrEqual(0.7);
    expect(metrics.anytimeCurve.length).toBeGreaterThan(2);
  });
});

test("a record cut after each task and joined again is the same", async () => {
  const { record } = await measured("ncm", { after: 2, tasks: "seen", everyImages: 5 }, domains);
  const whole = copyRecord(record);
  for (let task = 0; task <= domains.tasks.length; task++) {
    const [before, rest] = splitRecord(record, 0, task);
    expect(before).toHaveLength(task);
    expect(rest.taskSeconds).toHaveLength(domains.tasks.length - task);
    expect(joinRecord(before, rest)).toEqual(whole);
  }
});
