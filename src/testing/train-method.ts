/** @file Trains a method on a stream in memory and keeps everything it told and saved. */
import { AUGMENTATIONS } from "../data/augmentation.ts";
import type { TaskStream } from "../data/stream.ts";
import { headSetOptions } from "../heads/head-set.ts";
import type { AnyHead } from "../heads/index.ts";
import type { AnyMethod, MethodContext } from "../methods/method.ts";
import { Activations } from "../network/activations.ts";
import type { Precision } from "../nn/precision.ts";
import { DEFAULT_OPTIMIZATION } from "../optim/index.ts";
import { chosenHeads } from "../run/heads.ts";
import { methodOptionsOn } from "../run/method-options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import type { RunEvent } from "../train/events.ts";
import { jointStream } from "../train/joint.ts";
import { ContinualModel } from "../train/model.ts";
import type { RunRecord } from "../train/record.ts";
import { type RunOptions, runStream } from "../train/run.ts";
import { rawTransform } from "./patterns.ts";
import { tinyBackbone } from "./tiny-backbone.ts";

/** How to train. */
export interface TrainMethodOptions {
  readonly runtime: Runtime;
  /** Of the method. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of heads and of a drift map; the method's own if they aren't given. */
  readonly heads?: readonly string[];
  readonly drift?: string;
  readonly headOptions?: Readonly<Record<string, unknown>>;
  /** Heads to choose from, if not those of this package. */
  readonly knownHeads?: readonly AnyHead[];
  readonly epochs?: number;
  readonly firstEpochs?: number;
  readonly seed?: number;
  readonly precision?: Precision;
  readonly features?: MethodContext["features"];
  readonly backbone?: MethodContext["backbone"];
  /** As a run's if it isn't given: some. */
  readonly rememberedBytes?: number;
  /** As a run's if it isn't given: in memory. */
  readonly activations?: Activations;
  readonly run?: Partial<Pick<RunOptions, "unreadable" | "resume" | "signal" | "evaluation" | "trace">>;
  /** Called with every checkpoint. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void;
}

/** What came out. */
export interface TrainedMethod {
  readonly record: RunRecord;
  readonly events: readonly RunEvent[];
  /** Of every step. */
  readonly losses: readonly number[];
  /** After each task. */
  readonly states: readonly Readonly<Record<string, Tensor>>[];
  readonly context: MethodContext;
  /** A fresh model with the last state; the caller disposes it. */
  readonly reload: () => Promise<ContinualModel>;
}

/** What a method gets here: images of 32 px in micro-batches of 4. */
export const testContext = ({
  runtime,
  seed = 7,
  precision,
  features,
  backbone = tinyBackbone(),
  rememberedBytes = 2 ** 20,
  activations = new Activations({ memoryBytes: 2 ** 22 }),
}: Pick<
  TrainMethodOptions,
  "runtime" | "seed" | "precision" | "features" | "backbone" | "rememberedBytes" | "activations"
>): MethodContext => ({
  backbone,
  runtime,
  seed,
  microBatch: 4,
  rememberedBytes,
  activations,
  ...(precision === undefined ? {} : { precision }),
  ...(features === undefined ? {} : { features }),
  optimization: DEFAULT_OPTIMIZATION,
});

/** A model of the method with its heads, before any training. */
export function untrainedModel(
  method: AnyMethod,
  context: MethodContext,
  changes: Omit<TrainMethodOptions, "runtime"> = {},
  kind: TaskStream["kind"] = "class-incremental",
): ContinualModel {
  const chosen = chosenHeads(method, changes.heads, changes.drift, changes.knownHeads);
  return new ContinualModel(context, {
    method,
    methodOptions: methodOptionsOn(kind, method, changes.options ?? {}, `method ${method.name}`),
    ...chosen,
    headOptions: headSetOptions(chosen.heads, chosen.drift).parse(changes.headOptions ?? {}),
  });
}

/** Trains to the end of the stream (all tasks at once for a joint method). */
export async function trainMethod(
  method: AnyMethod,
  stream: TaskStream,
  changes: TrainMethodOptions,
): Promise<TrainedMethod> {
  const own = method.traits.protocol === "joint" ? jointStream(stream) : stream;
  const context = { ...testContext(changes), tasks: own.tasks.length };
  const events: RunEvent[] = [];
  const states: Record<string, Tensor>[] = [];
  const record = await runStream({
    stream: own,
    model: untrainedModel(method, context, changes, own.kind),
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
      const model = untrainedModel(method, context, changes, own.kind);
      await model.load(states.at(-1)!);
      return model;
    },
  };
}

function copied(state: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(state).map(([name, { dims, dtype, data }]) => [
      name,
      { dims, dtype, data: data.slice() as typeof data },
    ]),
  );
}
