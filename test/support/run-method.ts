/** @file Runs a method on a stream in memory and keeps everything it told and saved. */
import { AUGMENTATIONS } from "../../src/data/augmentation.ts";
import type { TaskStream } from "../../src/data/stream.ts";
import { type Learner, METHODS, type Method, type MethodContext } from "../../src/methods/index.ts";
import type { Precision } from "../../src/nn/precision.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { DEFAULT_OPTIMIZATION } from "../../src/optim/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { Checkpoint } from "../../src/train/checkpoint.ts";
import type { RunEvent } from "../../src/train/events.ts";
import { jointStream } from "../../src/train/joint.ts";
import type { RunRecord } from "../../src/train/record.ts";
import { type RunOptions, runStream } from "../../src/train/run.ts";
import { tinyBackbone } from "./tiny-backbone.ts";
import { rawTransform } from "./toy-dataset.ts";

/** A run's parts that tests change. */
export interface RunChanges {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly epochs?: number;
  readonly firstEpochs?: number;
  readonly seed?: number;
  readonly runtime?: Runtime;
  readonly precision?: Precision;
  readonly backbone?: MethodContext["backbone"];
  readonly run?: Partial<Pick<RunOptions, "unreadable" | "resume" | "signal" | "evaluation">>;
  /** Called with every checkpoint. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void;
}

/** What came out. */
export interface FinishedRun {
  readonly record: RunRecord;
  readonly events: readonly RunEvent[];
  readonly losses: readonly number[];
  /** After each task. */
  readonly states: readonly Readonly<Record<string, Tensor>>[];
  readonly context: MethodContext;
  /** A fresh learner with the last state; the caller disposes it. */
  readonly reload: () => Promise<Learner>;
}

/** The method of that name. */
export const methodOf = (name: string): Method => METHODS.find((method) => method.name === name)!;

/** One runtime for all tests of a file. */
export const oneThread = nodeRuntime({ threads: 1 });

/** What a method gets in tests: images of 32 px in micro-batches of 4. */
export const testContext = (
  changes: Pick<RunChanges, "seed" | "runtime" | "backbone" | "precision"> = {},
): MethodContext => ({
  backbone: changes.backbone ?? tinyBackbone(),
  runtime: changes.runtime ?? oneThread,
  seed: changes.seed ?? 7,
  microBatch: 4,
  ...(changes.precision === undefined ? {} : { precision: changes.precision }),
  optimization: DEFAULT_OPTIMIZATION,
});

/** Trains to the end of the stream (all tasks at once for a joint method). */
export async function runMethod(
  name: string,
  stream: TaskStream,
  changes: RunChanges = {},
): Promise<FinishedRun> {
  const method = methodOf(name);
  const values = method.options.parse(changes.options ?? {});
  const context = testContext(changes);
  const events: RunEvent[] = [];
  const states: Record<string, Tensor>[] = [];
  const record = await runStream({
    stream: method.protocol === "joint" ? jointStream(stream) : stream,
    learner: method.create(context, values),
    context,
    training: {
      epochs: changes.epochs ?? 6,
      firstEpochs: changes.firstEpochs ?? changes.epochs ?? 8,
      batchSize: 12,
      augmentation: AUGMENTATIONS.flip,
      evaluateOn: "test",
    },
    transform: rawTransform,
    unreadable: "fail",
    ...changes.run,
    output: {
      event: (event) => void events.push(event),
      saveModel: async (state) => void states.push(copied(state)),
      saveCheckpoint: async (checkpoint) => changes.onCheckpoint?.(checkpoint),
    },
  });
  return {
    record,
    events,
    losses: events.flatMap((event) => (event.type === "step" ? [event.loss] : [])),
    states,
    context,
    async reload() {
      const learner = method.create(context, values);
      await learner.load(states.at(-1)!);
      return learner;
    },
  };
}

/** The state as its file would be. */
export const stateBytes = (state: Readonly<Record<string, Tensor>>): Buffer =>
  Buffer.from(encodeSafetensors(state));

function copied(state: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { dims, dtype, data }]) => [
      name,
      { dims, dtype, data: data.slice() as typeof data },
    ]),
  );
}
