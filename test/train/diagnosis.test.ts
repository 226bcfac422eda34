/** @file Where points are lost: the three ways of a head, tasks told apart, and what has no such numbers. */
import { expect, test } from "vitest";
import type { Sample } from "../../src/data/dataset.ts";
import { classIncremental, domainIncremental, type TaskStream } from "../../src/data/stream.ts";
import { HEADS } from "../../src/heads/index.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { patternDataset, rawTransform } from "../../src/testing/patterns.ts";
import { type Diagnosis, diagnose } from "../../src/train/diagnosis.ts";
import { TaskImages } from "../../src/train/task-images.ts";
import { NO_TRACE } from "../../src/train/tracer.ts";
import { type FinishedRun, type RunChanges, runMethod } from "../support/run-method.ts";

const NAMES = ["rows", "lda", "gaussian"];
const dataset = patternDataset({ classes: 8, trainPerClass: 12, testPerClass: 6, noise: 110 });
const stream = classIncremental(dataset, { tasks: 4, orderSeed: null });
const hard = { heads: NAMES, options: { basesRate: 3e-3 }, epochs: 3 };

/** Batches of the stream's images, as a run has them. */
function batchesOf(of: TaskStream, { context }: FinishedRun) {
  const images = new TaskImages({
    stream: of,
    preprocessing: context.backbone.preprocessing,
    transform: rawTransform,
    unreadable: "fail",
    trace: NO_TRACE,
    skipped: [],
    tell: () => {},
    passing: () => {},
  });
  return (samples: readonly Sample[]) => images.batches(samples);
}

async function diagnosed(run: FinishedRun, of: TaskStream, names = NAMES): Promise<Diagnosis> {
  const model = await run.reload();
  const frozen = new AdaptedNetwork(run.context);
  try {
    return await diagnose({
      model,
      heads: names.map((name) => HEADS.find((head) => head.name === name)!),
      headOptions: {},
      frozen,
      stream: of,
      evaluateOn: "test",
      batches: batchesOf(of, run),
    });
  } finally {
    await frozen.dispose();
    await model.dispose();
  }
}

const run = (method: string, of: TaskStream, changes: RunChanges = {}) => runMethod(method, of, changes);

/** Last accuracy that a run itself has counted. */
const counted = ({ record }: FinishedRun, head: string, images: number): number =>
  record.correct[head]!.at(-1)!.reduce((sum, right) => sum + right, 0) / images;

test("as learned, it is what the run counted; frozen, what the frozen method has", async () => {
  const [learned, frozen] = [
    await run("seq-lora", stream, hard),
    await run("lda", stream, { heads: ["lda", "gaussian"] }),
  ];
  const { heads, images, drift } = await diagnosed(learned, stream);
  expect(images).toEqual([12, 12, 12, 12]);
  expect(heads.map(({ head }) => head)).toEqual(NAMES);
  for (const { head, asLearned, trueStatistics, frozen: bare } of heads) {
    expect(asLearned.accuracy, head).toBeCloseTo(counted(learned, head, 48), 9);
    const byTask = learned.record.correct[head]!.at(-1)!.map((right) => right / 12);
    expect(asLearned.taskAccuracy).toEqual(byTask);
    expect(asLearned.withinTask).toBeGreaterThanOrEqual(asLearned.accuracy);
    expect(asLearned.rightTask).toBeGreaterThanOrEqual(asLearned.accuracy);
    if (head === "rows") expect([trueStatistics, bare]).toEqual([null, null]);
    else expect(bare!.accuracy, head).toBeCloseTo(counted(frozen, head, 48), 9);
  }
  expect(drift).toHaveLength(4);
  for (const change of drift!) expect(change).toBeGreaterThan(1e-3);
});

test("what drift costs is what a network that has moved loses, and nothing where none moves", async () => {
  const moved = await run("seq-lora", stream, { ...hard, drift: "none", options: { basesRate: 0.3 } });
  const [lda] = (await diagnosed(moved, stream, ["lda"])).heads.filter(({ head }) => head === "lda");
  expect(lda!.trueStatistics!.accuracy).toBeGreaterThan(lda!.asLearned.accuracy + 0.1);
  const still = await diagnosed(await run("lda", stream, { heads: ["lda", "gaussian"] }), stream, [
    "lda",
    "gaussian",
  ]);
  expect(still.drift).toEqual([0, 0, 0, 0]);
  for (const { asLearned, trueStatistics, frozen } of still.heads) {
    expect(trueStatistics).toEqual(asLearned);
    expect(frozen).toEqual(asLearned);
  }
});

test("tasks are told apart by scores alone: an answer is in the right task, or right within it, or both", async () => {
  const learned = await run("seq-lora", stream, hard);
  const { heads } = await diagnosed(learned, stream);
  const model = await learned.reload();
  const tested = stream.tasks.flatMap(({ index, test: samples }) =>
    samples.map((sample) => ({ index, sample })),
  );
  const expected = { accuracy: 0, within: 0, task: 0 };
  for await (const batch of batchesOf(stream, learned)(tested.map(({ sample }) => sample))) {
    const { rows } = await model.scores(batch, 8);
    for (const [i, place] of batch.places.entries()) {
      const own = [...rows!.subarray(8 * i, 8 * i + 8)];
      const { index } = tested[place]!;
      const answer = own.indexOf(Math.max(...own));
      const pair = own.slice(2 * index, 2 * index + 2); // two classes a task
      expected.accuracy += Number(answer === batch.labels[i]) / 48;
      expected.within += Number(2 * index + pair.indexOf(Math.max(...pair)) === batch.labels[i]) / 48;
      expected.task += Number(Math.floor(answer / 2) === index) / 48;
    }
  }
  await model.dispose();
  const { accuracy, withinTask, rightTask } = heads[0]!.asLearned;
  expect(accuracy).toBeCloseTo(expected.accuracy, 9);
  expect(withinTask).toBeCloseTo(expected.within, 9);
  expect(rightTask).toBeCloseTo(expected.task, 9);
  expect(rightTask).toBeLessThan(1);
});

test("learned at once nothing is old, and its tasks can be told apart; domains share their classes", async () => {
  const joint = await run("joint", stream, { heads: ["lda"], epochs: 2 });
  const { heads, taskNames } = await diagnosed(joint, stream, ["lda"]);
  expect(taskNames).toHaveLength(4);
  expect(heads[0]!.trueStatistics!.accuracy).toBeCloseTo(heads[0]!.asLearned.accuracy, 9);
  const styles = patternDataset({ classes: 3, domains: 2, trainPerClass: 5, testPerClass: 3 });
  const domains = domainIncremental(styles, { orderSeed: null });
  const { heads: inDomains } = await diagnosed(await run("lda", domains, { heads: ["lda"] }), domains, [
    "lda",
  ]);
  expect([inDomains[0]!.asLearned.withinTask, inDomains[0]!.asLearned.rightTask]).toEqual([null, null]);
});

test("a method that widens its features has only what it learned", async () => {
  const { heads, drift } = await diagnosed(await run("ease", stream, { epochs: 1 }), stream, ["rows"]);
  expect(drift).toBeNull();
  expect(heads).toMatchObject([{ head: "rows", trueStatistics: null, frozen: null }]);
});
