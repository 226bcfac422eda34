/** @file What every method must do, driven by the traits that it declares. */
import type { Batch } from "../data/dataset.ts";
import { classIncremental, type TaskStream } from "../data/stream.ts";
import { type AnyHead, HEADS } from "../heads/index.ts";
import type { AnyMethod, Learner } from "../methods/method.ts";
import { int8Precision, largestInt8Weight } from "../nn/precision.ts";
import { takes } from "../run/heads.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { encodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../train/checkpoint.ts";
import { type Check, require, runChecks, same } from "./checks.ts";
import { patternDataset } from "./patterns.ts";
import { tinyBackbone } from "./tiny-backbone.ts";
import { type TrainedMethod, testContext, trainMethod, untrainedModel } from "./train-method.ts";

const CLASSES = 8;
const TASKS = 4;

/** A loss from which there is nothing left to lower. */
const LEARNED = 0.01;

/** Of heads that take long at their defaults. */
const FAST_HEADS = { randomFeatures: 100 };

/** What `checkMethod` needs. */
export interface CheckMethodOptions {
  readonly runtime: Runtime;
  /** Last accuracy that the method's own head must reach on eight easy classes in four tasks; chance is 0.125. */
  readonly floor: number;
  /** Heads that its defaults name, besides those of this package. */
  readonly knownHeads?: readonly AnyHead[];
  /** Of the method, if not its defaults. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly epochs?: number;
  readonly firstEpochs?: number;
}

/** Runs all of `methodChecks`. @throws CheckError with a line for each that failed */
export const checkMethod = (method: AnyMethod, options: CheckMethodOptions): Promise<void> =>
  runChecks(`method ${method.name}`, methodChecks(method, options));

/**
 * The checks of a method, on a small random network and images that are easy to tell apart: it learns; frozen weights
 * stay; the same seed gives the same bytes; a resumed run equals an uninterrupted one; answers don't depend on the batch;
 * and its traits are true.
 */
export function methodChecks(method: AnyMethod, options: CheckMethodOptions): Check[] {
  const { runtime, floor, knownHeads = [], ...own } = options;
  const changes = { ...own, knownHeads: [...HEADS, ...knownHeads] };
  const { traits } = method;
  const dataset = patternDataset({ classes: CLASSES, trainPerClass: 10, testPerClass: 6, noise: 80 });
  const stream = classIncremental(dataset, { tasks: TASKS, orderSeed: null });
  const train = (own: TaskStream = stream, more: object = {}) =>
    trainMethod(method, own, { runtime, ...changes, ...more });
  const backbone = tinyBackbone();
  const frozen = Object.fromEntries(
    Object.entries(backbone.weights).map(([name, { data }]) => [name, data.slice()]),
  );
  const checkpoints: Uint8Array[] = [];
  const onCheckpoint = (checkpoint: Checkpoint): void => void checkpoints.push(encodeCheckpoint(checkpoint));
  let running: Promise<TrainedMethod> | undefined;
  const whole = (): Promise<TrainedMethod> => {
    running ??= train(stream, { backbone, onCheckpoint });
    return running;
  };
  const checks: Check[] = [
    {
      name: `learns a stream to ${floor} or more with its own head`,
      async run() {
        const { record } = await whole();
        const last = Object.values(record.correct)[0]!.at(-1)!;
        const accuracy = sum(last) / dataset.test.length;
        require(accuracy >= floor, `its last accuracy is ${accuracy}`);
      },
    },
    {
      name: "lowers its loss in every task that it trains, and trains those that it says",
      async run() {
        const { events, record } = await whole();
        const byTask = new Map<number, number[]>();
        for (const event of events) {
          if (event.type === "epoch") byTask.set(event.task, [...(byTask.get(event.task) ?? []), event.loss]);
        }
        const tasks = record.stateBytes.length;
        const expected = { never: 0, "first task": 1, "every task": tasks }[traits.trains];
        require(byTask.size ===
          expected, `it trained ${byTask.size} of ${tasks} tasks, and says ${traits.trains}`);
        for (const [task, losses] of byTask) {
          // Rows that start at class means can be right from the first pass on: they have to stay so.
          const bound = losses[0]! < LEARNED ? LEARNED : 0.95 * losses[0]!;
          require(losses.at(-1)! <
            bound, `loss of task ${task}: ${losses[0]} at first, ${losses.at(-1)} at last`);
        }
        for (const [task, count] of record.trainableParameters.entries()) {
          require(count > 0 === byTask.has(task), `task ${task} says that it trains ${count} numbers`);
        }
      },
    },
    {
      name: "leaves the frozen weights as they were, bit for bit",
      async run() {
        const { context } = await whole();
        for (const [name, { data }] of Object.entries(context.backbone.weights)) {
          require(same(data, frozen[name]!), `${name} has changed`);
        }
      },
    },
    {
      name: "gives the same losses and state for the same seed, others for another",
      async run() {
        const run = await whole();
        const again = await train();
        require(same(again.losses, run.losses), "its losses differ");
        for (const [task, state] of run.states.entries()) {
          require(same(bytes(again.states[task]!), bytes(state)), `its state after task ${task} differs`);
        }
        if (traits.trains === "never") return; // nothing is drawn
        const other = await train(stream, { seed: 8 });
        require(!same(other.losses, run.losses), "another seed changes nothing");
      },
    },
    {
      name: "resumed from a checkpoint, ends with the same bytes",
      async run() {
        const run = await whole();
        const last = bytes(run.states.at(-1)!);
        const places = [0.1, 0.4, 0.7, 0.95].map((share) => Math.floor(share * checkpoints.length));
        for (const place of new Set(places)) {
          const resume = decodeCheckpoint(checkpoints[place]!, "checkpoint");
          const resumed = await train(stream, { run: { resume } });
          const where = `from task ${resume.task}, epoch ${resume.epoch}`;
          require(same(bytes(resumed.states.at(-1) ?? resume.state), last), `${where}: its state differs`);
          const rest = run.losses.slice(run.losses.length - resumed.losses.length);
          require(same(resumed.losses, rest), `${where}: its losses differ`);
          require(JSON.stringify(resumed.record.correct) ===
            JSON.stringify(run.record.correct), `${where}: its accuracy differs`);
        }
      },
    },
    {
      name: `grows with ${traits.grows.join(" and ") || "nothing"} and with nothing else`,
      async run() {
        const { record } = await whole();
        const growths = record.stateBytes.slice(1).map((size, t) => size - record.stateBytes[t]!);
        const grows = traits.grows.length > 0;
        const steeper = traits.grows.includes("classes by tasks");
        for (const [t, growth] of growths.entries()) {
          const before = growths[Math.max(t - 1, 0)]!;
          require(steeper
            ? growth >= before
            : growth === before, `its state grows by ${growths.join(", ")} bytes a task`);
          require(growth >= 0 && growth > 0 === grows, `its state grows by ${growth} bytes a task`);
        }
        // What trains in the first task alone has rows of its classes alone.
        if (traits.protocol === "joint" || traits.trains === "first task" || traits.grows.includes("tasks"))
          return;
        // The same classes in twice the tasks: as large at the end.
        const finer = await train(classIncremental(dataset, { tasks: TASKS / 2, orderSeed: null }), {
          epochs: 1,
        });
        require(finer.record.stateBytes.at(-1) ===
          record.stateBytes.at(-1), "the same classes in fewer tasks leave a state of another size");
      },
    },
    {
      name: "keeps shapes that don't depend on how many images there were",
      async run() {
        const run = await whole();
        const more = patternDataset({ classes: CLASSES, trainPerClass: 13, testPerClass: 1, noise: 80 });
        const other = await train(classIncremental(more, { tasks: TASKS, orderSeed: null }), { epochs: 1 });
        for (const [task, state] of run.states.entries()) {
          require(shapes(other.states[task]!) === shapes(state), `after task ${task} they differ`);
        }
      },
    },
    {
      name: "scores an image alike in batches of 1, 3 and 64, with every head that it takes",
      async run() {
        const run = await train(stream, {
          heads: ["all"],
          headOptions: FAST_HEADS,
          epochs: 1,
          firstEpochs: 1,
        });
        const model = await run.reload();
        const expected = changes.knownHeads.filter((head) => takes(method, head)).map(({ name }) => name);
        require(same64(
          model.heads.names.toSorted(),
          expected.toSorted(),
        ), `its heads are ${model.heads.names}, not ${expected}`);
        const pixels = await Promise.all(
          dataset.test.slice(0, 48).map(async (sample) => {
            const image = await dataset.read(sample);
            return image.kind === "rgb" ? image.data : new Uint8Array();
          }),
        );
        const scoresBy = async (size: number): Promise<Record<string, number[]>> => {
          const all: Record<string, number[]> = {};
          for (let start = 0; start < pixels.length; start += size) {
            const scores = await model.scores(batchOf(pixels.slice(start, start + size)), CLASSES);
            for (const [name, own] of Object.entries(scores)) all[name] = [...(all[name] ?? []), ...own];
          }
          return all;
        };
        const one = await scoresBy(1);
        for (const size of [3, 64]) {
          for (const [name, scores] of Object.entries(await scoresBy(size))) {
            require(same(scores, one[name]!), `head ${name} differs in batches of ${size}`); // every run has one shape
          }
        }
        await model.dispose();
      },
    },
    {
      name: "has features as wide as it says, and unchanged while a task trains",
      async run() {
        const context = { ...testContext({ runtime }), tasks: TASKS };
        const { learner } = untrainedModel(method, context, changes);
        const batch = await taskBatch(stream, 0);
        const before = await featuresOf(learner, batch);
        const { training } = await learner.begin(taskOf(stream, 0, batch));
        await training?.step(batch, { epoch: 0, step: 0, progress: 0 });
        require(same(await featuresOf(learner, batch), before), "a step changes them before the task ends");
        await learner.end(taskOf(stream, 0, batch));
        require((await learner.features(batch)).length ===
          batch.count * learner.width, "their width is another");
        await learner.dispose();
      },
    },
  ];
  if (traits.precisions.includes("int8")) {
    checks.push({
      name: "runs with products in 8 bits",
      async run() {
        const precision = int8Precision({ layers: 2, largestWeight: await largestInt8Weight(runtime) });
        const { losses, record } = await train(stream, { precision, epochs: 1, firstEpochs: 1 });
        require(losses.every(Number.isFinite), "a loss is no number");
        require(record.stateBytes.length > 0, "it ends no task");
      },
    });
  }
  return checks;
}

async function featuresOf(learner: Learner, batch: Batch): Promise<Float32Array> {
  const features = await learner.features(batch);
  require(features.length ===
    batch.count *
      learner.width, `${batch.count} images have ${features.length} features, and the width is ${learner.width}`);
  return features;
}

async function taskBatch({ dataset, tasks, position }: TaskStream, index: number): Promise<Batch> {
  const { train } = tasks[index]!;
  const pixels = await Promise.all(
    train.map(async (sample) => {
      const image = await dataset.read(sample);
      return image.kind === "rgb" ? image.data : new Uint8Array();
    }),
  );
  return { ...batchOf(pixels), labels: Int32Array.from(train, ({ label }) => position[label]!) };
}

const taskOf = ({ tasks }: TaskStream, index: number, batch: Batch) => ({
  index,
  classes: tasks[index]!.classes,
  trainImages: batch.count,
  async *pass() {
    yield batch;
  },
  report: () => {},
});

function batchOf(pixels: readonly Uint8Array[]): Batch {
  const images = new Uint8Array(pixels.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const image of pixels) {
    images.set(image, at);
    at += image.length;
  }
  return { images, labels: new Int32Array(pixels.length), count: pixels.length };
}

const bytes = (state: Readonly<Record<string, Tensor>>): Uint8Array => encodeSafetensors(state);
const shapes = (state: Readonly<Record<string, Tensor>>): string =>
  Object.entries(state)
    .map(([name, { dims, dtype }]) => `${name} ${dtype} ${dims}`)
    .sort()
    .join();
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const same64 = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();
