/** @file How fast a backbone learns and answers on this machine: what `fmlora bench` and bench/ measure. */
import type { Batch } from "../../data/dataset.ts";
import { fmLora } from "../../methods/fm-lora/fm-lora.ts";
import type { MethodContext } from "../../methods/index.ts";
import { initialBases } from "../../methods/parts/low-rank-bases.ts";
import { adaptedSites } from "../../methods/parts/sites.ts";
import { TaskTraining } from "../../methods/parts/task-training.ts";
import { TrainedRows } from "../../methods/parts/trained-rows.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { featurePass } from "../../network/feature-pass.ts";
import { lowRank } from "../../network/low-rank.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { Precision } from "../../nn/precision.ts";
import { DEFAULT_OPTIMIZATION } from "../../optim/index.ts";
import { chosenHeads } from "../../run/heads.ts";
import { precisionOf } from "../../run/precision.ts";
import type { Device } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { ContinualModel } from "../../train/model.ts";
import { requirePrecision } from "../runtime/devices.ts";
import { workingRuntime } from "../runtime/runtime.ts";

/** How graphs run. */
export interface SpeedOptions {
  readonly threads: number;
  /** What computes; default: cpu. */
  readonly device?: Device | undefined;
  /** Images in one run of a graph. */
  readonly microBatch: number;
  /** Of products with frozen weights. */
  readonly precision: Precision["name"];
}

/** What methods get, outside of a run. */
export async function measuringContext(
  backbone: Backbone,
  { threads, device, microBatch, precision }: SpeedOptions,
): Promise<MethodContext> {
  requirePrecision(device, precision);
  const runtime = await workingRuntime({ threads, device });
  return {
    backbone,
    microBatch,
    runtime,
    precision: await precisionOf(runtime, backbone, { precision, float32Parts: [] }),
    seed: 0,
    optimization: { ...DEFAULT_OPTIMIZATION, schedule: () => 1 },
  };
}

/** The backbone alone: what answers with features. */
export function bareNetwork(context: MethodContext): AdaptedNetwork {
  return new AdaptedNetwork(context);
}

/** A linear head with its rows. */
export interface HeadStart {
  readonly weight: Float32Array; // [classes, width]
  readonly bias: Float32Array; // [classes]
}

/** LoRA on query and value of every block, and a linear head, in training: seq-lora's first task. */
export interface LoraTraining {
  readonly network: AdaptedNetwork;
  /** Of all A and B. */
  readonly names: readonly string[];
  /** One AdamW step on a batch with labels below `classes`; returns its mean loss. */
  step(batch: Batch): Promise<number>;
}

/** @param start A, B ("blocks.0.query.a") and head to begin with; left out: random A, the rest zero */
export function loraTraining(
  context: MethodContext,
  options: {
    readonly rank: number;
    readonly classes: number;
    readonly rate: number;
    readonly start?: { readonly pairs: Readonly<Record<string, Tensor>>; readonly head: HeadStart };
  },
): LoraTraining {
  const { backbone } = context;
  const { rank, rate } = options;
  const sites = adaptedSites(backbone.config, ["query", "value"]);
  const network = new AdaptedNetwork(context, [lowRank(backbone, { sites, rank })]);
  const pairs = options.start?.pairs ?? initialBases(backbone, sites, rank, context.seed);
  const classes = Array.from({ length: options.classes }, (_, label) => label);
  const rows = new TrainedRows(network.width);
  if (options.start !== undefined) rows.close(classes, options.start.head.weight, options.start.head.bias);
  const direct = Object.fromEntries(Object.entries(pairs).map(([name, start]) => [name, { start, rate }]));
  const training = new TaskTraining({
    network,
    classes,
    rows,
    headRate: rate,
    optimization: context.optimization,
    fixed: {},
    direct,
    rates: [],
  });
  return {
    network,
    names: Object.keys(pairs),
    step: (batch) => training.step(batch, { epoch: 0, step: 0, progress: 0 }),
  };
}

/** Random pixels; labels count up to `classes` and begin again. */
export function randomBatch({ config }: Backbone, count: number, classes: number): Batch {
  const rng = Rng.at("speed", count);
  const images = Uint8Array.from({ length: count * config.imageSize ** 2 * 3 }, () => rng.below(256));
  return { images, labels: Int32Array.from({ length: count }, (_, i) => i % classes), count };
}

/** Images of the one step of `trainedModel`: enough for an update that isn't zero. */
const STEP_IMAGES = 8;

/** An fm-lora model that knows `classes` classes from two random images each, and has made one short step. */
export async function trainedModel(
  context: MethodContext,
  classes: number,
  methodOptions: Readonly<Record<string, unknown>> = {},
): Promise<ContinualModel> {
  const chosen = chosenHeads(fmLora);
  const model = new ContinualModel(context, {
    method: fmLora,
    methodOptions: fmLora.options.parse(methodOptions),
    ...chosen,
    headOptions: {},
  });
  const batch = randomBatch(context.backbone, 2 * classes, classes);
  const task = {
    index: 0,
    classes: Array.from({ length: classes }, (_, label) => label),
    trainImages: batch.count,
    async *pass() {
      yield batch;
    },
    report: () => {},
  };
  const { learner } = model;
  const { training } = await learner.begin(task);
  const position = { epoch: 0, step: 0, progress: 0 };
  await training!.step(randomBatch(context.backbone, STEP_IMAGES, classes), position);
  const after = await learner.end(task);
  model.update(after ?? (await featurePass(task.pass(), (images) => learner.features(images))), undefined);
  return model;
}

/** Smallest and middle of at least one value. */
export function bestAndMedian(values: readonly number[]): { best: number; median: number } {
  if (values.length === 0) throw new Error("bestAndMedian: no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { best: sorted[0]!, median };
}

/** Times of one thing. */
export interface SpeedResult {
  readonly name: string;
  /** Images of one repetition. */
  readonly images: number;
  readonly milliseconds: readonly number[];
}

/** What to measure `measureBackbone` with. */
export interface BackboneSpeedOptions extends SpeedOptions {
  /** Images of a training step, and of a batch of features. */
  readonly batch: number;
  readonly rank: number;
  /** Repetitions that count; one more goes before them. */
  readonly repetitions: number;
}

const CLASSES = 10;

/** Training step, features and prediction of one image, one after the other. */
export async function* measureBackbone(
  backbone: Backbone,
  options: BackboneSpeedOptions,
): AsyncGenerator<SpeedResult> {
  const { batch: count, rank, repetitions } = options;
  const batch = randomBatch(backbone, count, CLASSES);
  const measured = async (name: string, images: number, work: () => Promise<unknown>) => {
    await work(); // compiles
    const milliseconds: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      const began = performance.now();
      await work();
      milliseconds.push(performance.now() - began);
    }
    return { name, images, milliseconds };
  };
  const context = await measuringContext(backbone, options);
  const training = loraTraining(context, { rank, classes: CLASSES, rate: 1e-3 });
  yield await measured(`training step of ${count} images, LoRA rank ${rank}`, count, () =>
    training.step(batch),
  );
  await training.network.dispose();

  const extractor = bareNetwork(context);
  yield await measured(`features of ${count} images`, count, () => extractor.features(batch));
  await extractor.dispose();

  const single = await measuringContext(backbone, { ...options, microBatch: 1 });
  const model = await trainedModel(single, CLASSES);
  const one = randomBatch(backbone, 1, CLASSES);
  yield await measured("prediction of one image, fm-lora", 1, () => model.scores(one, CLASSES));
  await model.dispose();
}
