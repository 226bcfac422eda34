/** @file What every method must do, on a small random network and images that are easy to tell apart. */
import { beforeAll, describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import { accuracyMatrix, summarize } from "../../src/metrics/accuracy-matrix.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { type FinishedRun, methodOf, runMethod, stateBytes, testContext } from "../support/run-method.ts";
import { patternDataset } from "../support/toy-dataset.ts";

const CLASSES = 8;
const dataset = patternDataset({ classes: CLASSES, trainPerClass: 10, testPerClass: 6, noise: 80 });
const stream = classIncremental(dataset, { tasks: 4, orderSeed: null });

/** Last accuracy that each method's own readout must reach; chance is 0.125. */
const FLOORS: Readonly<Record<string, number>> = {
  "fm-lora": 0.9,
  "seq-lora": 0.35, // forgets, as it should
  ncm: 0.75,
  lda: 0.9,
  joint: 0.7,
};

const lastAccuracy = ({ record, testImages }: { record: FinishedRun["record"]; testImages: number[] }) =>
  Object.fromEntries(
    Object.entries(record.correct).map(([readout, correct]) => [
      readout,
      summarize(accuracyMatrix(correct, testImages), testImages).lastAccuracy,
    ]),
  );

/** Test images of each task. */
const testImagesOf = (name: string): number[] => {
  const each = stream.tasks.map((task) => task.test.length);
  return methodOf(name).protocol === "joint" ? [each.reduce((sum, count) => sum + count, 0)] : each;
};

describe.each(METHODS.map(({ name }) => name))("%s", (name) => {
  let run: FinishedRun;
  let untouched: Record<string, Float32Array>;
  const checkpoints: Uint8Array[] = [];
  beforeAll(async () => {
    const { backbone } = testContext();
    untouched = Object.fromEntries(
      Object.entries(backbone.weights).map(([weight, { data }]) => [weight, data.slice()]),
    );
    run = await runMethod(name, stream, {
      backbone,
      onCheckpoint: (checkpoint) => checkpoints.push(encodeCheckpoint(checkpoint)),
    });
  });

  test("learns the stream far above chance", () => {
    const accuracy = lastAccuracy({ record: run.record, testImages: testImagesOf(name) });
    expect(accuracy[Object.keys(run.record.correct)[0]!]).toBeGreaterThanOrEqual(FLOORS[name]!);
    if (accuracy.lda !== undefined) expect(accuracy.lda).toBeGreaterThanOrEqual(FLOORS.ncm!);
  });

  test("lowers its loss in every task it trains", () => {
    const byTask = new Map<number, number[]>();
    for (const event of run.events) {
      if (event.type === "epoch") byTask.set(event.task, [...(byTask.get(event.task) ?? []), event.loss]);
    }
    expect(byTask.size).toBe(run.losses.length === 0 ? 0 : run.states.length);
    for (const [task, losses] of byTask)
      expect(losses.at(-1), `task ${task}`).toBeLessThan(0.95 * losses[0]!);
  });

  test("leaves the frozen weights as they were, bit for bit", () => {
    for (const [weight, { data }] of Object.entries(run.context.backbone.weights)) {
      expect(data, weight).toEqual(untouched[weight]);
    }
  });

  test("gives the same losses and the same state bytes for the same seed, others for another", async () => {
    const again = await runMethod(name, stream);
    expect(again.losses).toEqual(run.losses);
    for (const [task, state] of run.states.entries()) {
      expect(stateBytes(again.states[task]!).equals(stateBytes(state)), `after task ${task}`).toBe(true);
    }
    expect(again.record.correct).toEqual(run.record.correct);
    if (run.losses.length === 0) return; // nothing is drawn
    const other = await runMethod(name, stream, { seed: 8 });
    expect(other.losses).not.toEqual(run.losses);
  });

  test("resumed from a checkpoint, ends with the same bytes", async () => {
    const last = stateBytes(run.states.at(-1)!);
    for (const place of new Set(
      [0.1, 0.4, 0.7, 0.95].map((share) => Math.floor(share * checkpoints.length)),
    )) {
      const resume = decodeCheckpoint(checkpoints[place]!, "checkpoint");
      const resumed = await runMethod(name, stream, { run: { resume } });
      const where = `from task ${resume.task}, epoch ${resume.epoch}`;
      expect(stateBytes(resumed.states.at(-1) ?? resume.state).equals(last), where).toBe(true);
      expect(resumed.losses, where).toEqual(run.losses.slice(run.losses.length - resumed.losses.length));
      expect(resumed.record.correct, where).toEqual(run.record.correct);
    }
  });

  test("trains equally many numbers in every task after the first", () => {
    const [, second, ...later] = run.record.trainableParameters;
    for (const count of later) expect(count).toBe(second);
  });

  test("grows by a fixed number of bytes a class and by nothing else", () => {
    const perClass = new Set(
      run.record.stateBytes.slice(1).map((bytes, t) => (bytes - run.record.stateBytes[0]!) / (2 * (t + 1))),
    );
    expect(perClass.size).toBeLessThanOrEqual(1);
    for (const bytes of perClass) expect(bytes).toBeLessThanOrEqual(2 * 4 * (32 + 2)); // a mean and a row, f32
    const shapes = (state: FinishedRun["states"][number]): string[] =>
      Object.entries(state).map(([tensor, { dtype, dims }]) => `${tensor} ${dtype} ${dims}`);
    const [first, last] = [shapes(run.states[0]!), shapes(run.states.at(-1)!)];
    const grown = last.filter((shape) => !first.includes(shape)).map((shape) => shape.split(" ")[0]);
    for (const tensor of grown)
      expect(tensor).toMatch(/^(head|statistics)\.(classes|counts|means|weight|bias)$/);
  });

  test("scores an image alike in batches of 1, 3 and 64", async () => {
    const learner = await run.reload();
    const images = dataset.test.slice(0, 48);
    const side = run.context.backbone.config.imageSize;
    const pixels = await Promise.all(
      images.map(async (sample) => {
        const image = await dataset.read(sample);
        return image.kind === "rgb" ? image.data : new Uint8Array();
      }),
    );
    const scoresBy = async (size: number): Promise<Record<string, number[]>> => {
      const all: Record<string, number[]> = {};
      for (let start = 0; start < images.length; start += size) {
        const own = pixels.slice(start, start + size);
        const batch = {
          images: new Uint8Array(Buffer.concat(own)),
          labels: new Int32Array(own.length),
          count: own.length,
        };
        expect(batch.images.length).toBe(own.length * side * side * 3);
        for (const [readout, scores] of Object.entries(await learner.predict(batch, CLASSES)))
          all[readout] = [...(all[readout] ?? []), ...scores];
      }
      return all;
    };
    const [one, three, many] = [await scoresBy(1), await scoresBy(3), await scoresBy(64)];
    expect(Object.keys(one).sort()).toEqual([...learner.readouts].sort());
    expect(three).toEqual(one); // bit for bit: every run of the graph has the same shape
    expect(many).toEqual(one);
    await learner.dispose();
  });

  test("keeps shapes that don't depend on how many images there were", async () => {
    const more = patternDataset({ classes: CLASSES, trainPerClass: 13, testPerClass: 1, noise: 80 });
    const other = await runMethod(name, classIncremental(more, { tasks: 4, orderSeed: null }), { epochs: 1 });
    for (const [task, state] of run.states.entries()) {
      const shapes = (s: typeof state) =>
        Object.entries(s).map(([tensor, { dims, dtype }]) => [tensor, dtype, dims]);
      expect(shapes(other.states[task]!)).toEqual(shapes(state));
    }
  });
});
