/** @file A made-up run for the report's tests. Its numbers mean nothing. */

import { summarize } from "../../src/metrics/accuracy-matrix.ts";
import type { Confusion, RunMetrics } from "../../src/metrics/run-metrics.ts";
import type { RunEvent } from "../../src/train/events.ts";

/** A run over `tasks` tasks of 10 classes with two readouts, ranks at `sites` sites, and all kinds of events. */
export function exampleRun(
  tasks: number,
  sites = 24,
): { config: unknown; metrics: RunMetrics; events: RunEvent[] } {
  // A fixed wave instead of random numbers: the goldens stay.
  const wave = (k: number): number => 0.5 + 0.5 * Math.sin(12.9898 * k);
  const matrix = (level: number): number[][] =>
    Array.from({ length: tasks }, (_, t) =>
      Array.from(
        { length: t + 1 },
        (_, i) => Math.round(500 * (level - (0.3 * (t - i)) / tasks - 0.1 * wave(7 * i))) / 500,
      ),
    );
  const testImages = new Array<number>(tasks).fill(500);
  const classNames = Array.from({ length: 10 * tasks }, (_, k) => `class ${k}`);
  // Of 50 images a class as many are right as of its task's, and the others are taken for the next class.
  const confusions = matrix(0.95)
    .at(-1)!
    .flatMap((accuracy, task) =>
      Array.from({ length: 10 }, (_, k): Confusion[] => {
        const label = 10 * task + k;
        const right = Math.round(50 * accuracy);
        return [
          [label, label, right],
          [label, (label + 1) % (10 * tasks), 50 - right],
        ];
      }).flat(),
    );
  const readouts = {
    "lda-compensated": summarize(matrix(0.95), testImages),
    "lda-old-statistics": summarize(matrix(0.88), testImages),
    "local-ce": summarize(matrix(0.8), testImages),
  };
  const names = Array.from(
    { length: sites },
    (_, k) => `blocks.${Math.floor(k / 2)}.${k % 2 === 0 ? "query" : "value"}`,
  );
  const ranks = Array.from({ length: tasks }, (_, t) =>
    Object.fromEntries(names.map((name, k) => [name, [0, 2, 4, 8, 16][Math.floor(4.99 * wave(3 * t + k))]!])),
  );
  const taskNames = Array.from({ length: tasks }, (_, t) => `classes ${10 * t}-${10 * t + 9}`);
  const metrics: RunMetrics = {
    ...readouts["lda-compensated"],
    method: "fm-lora",
    benchmark: "cifar100 B0 Inc10",
    dataset: "cifar100 B0 Inc10",
    protocol: "class-incremental",
    backbone: "vit-small-patch14",
    seed: 1,
    orderSeed: 1993,
    trainableParameters: testImages.map(() => 307_200),
    stateBytes: testImages.map((_, t) => 1_820_000 + 15_400 * (t + 1)),
    ranks,
    imagesPerSecond: 28.31,
    seconds: 62.5 * tasks,
    peakRssBytes: 661_000_000,
    taskSeconds: testImages.map((_, t) => 60 + 5 * wave(t)),
    evaluationSeconds: testImages.map((_, t) => 2 + t),
    evaluatedOn: "test",
    testImages,
    taskNames,
    classNames,
    confusions,
    baseline: { method: "lda", lastAccuracy: 0.7 },
    domainNames: ["photo"],
    anytimeImages: [],
    readout: "lda-compensated",
    readouts,
  };
  const events: RunEvent[] = [
    {
      type: "run-start",
      method: metrics.method,
      benchmark: metrics.benchmark,
      backbone: metrics.backbone,
      tasks,
      classes: 10 * tasks,
      notes: ["made-up numbers, to look at the page", "int8 products are exact on this processor"],
    },
    { type: "skipped-image", id: "train/apple/0007.jpg", reason: "truncated JPEG" },
  ];
  for (let task = 0; task < tasks; task++) {
    const classNames = Array.from({ length: 10 }, (_, k) => `class ${10 * task + k}`);
    events.push({
      type: "task-start",
      task,
      name: taskNames[task]!,
      classNames,
      trainImages: 2000,
      testImages: 500,
      epochs: 5,
    });
    events.push({
      type: "method",
      task,
      figures: [
        { kind: "layers", name: "rank", values: ranks[task]! },
        { kind: "direction", name: "inputs", vector: [Math.cos(0.12 * task), Math.sin(0.12 * task)] },
        { kind: "number", name: "complexity", value: 3 + wave(task) },
        { kind: "number", name: "drift", value: 0.1 * wave(2 * task) },
      ],
    });
    for (let epoch = 0; epoch < 5; epoch++)
      events.push({
        type: "epoch",
        task,
        epoch,
        loss: 0.3 + 1.8 * Math.exp(-epoch) * (0.7 + 0.3 * wave(task)),
        seconds: 11,
      });
  }
  const config = {
    method: "fm-lora",
    methodOptions: { rank: 16, alpha: 0.3, sites: ["query", "value"], pure: false },
    training: { epochs: 5, batchSize: 32, learningRate: 0.001 },
    data: "shared/data/cifar100",
    output: null,
  };
  return { config, metrics, events };
}
