/** @file One pre-training from its options to its folder: what `fmlora pretrain` does, for programs too. */
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import { patchCount } from "../../nn/vit.ts";
import {
  bestAccuracy,
  type PretrainingCheckpoint,
  type PretrainingRecord,
} from "../../pretraining/checkpoint.ts";
import type { PretrainingEvent } from "../../pretraining/events.ts";
import { type PretrainingPlan, stepsPerEpoch } from "../../pretraining/plan.ts";
import { pretrain } from "../../pretraining/pretrain.ts";
import { Student } from "../../pretraining/student.ts";
import { checkBatch } from "../../run/bounds.ts";
import { checked } from "../../run/checked.ts";
import { InputError } from "../../tensor/errors.ts";
import { lockFolder } from "../files/folder-lock.ts";
import { writeWhole } from "../files/write.ts";
import { RUN_FILE } from "../files/write-errors.ts";
import { nodeRuntime } from "../runtime/runtime.ts";
import { type OpenData, openData } from "./data.ts";
import { type HeldOut, holdOut, openPretrainingData } from "./dataset.ts";
import { PretrainingFolder } from "./folder.ts";
import { networkOf, type StartingNetwork, saveModel } from "./network.ts";
import {
  type PretrainingOptionsInput,
  type PretrainingSettings,
  pretrainingOptionsSchema,
} from "./options.ts";
import { checkRegression, regressedStart } from "./start.ts";

/** What to train, and where. */
export interface PretrainingRequest {
  readonly options: PretrainingOptionsInput;
  readonly out: string;
  readonly resume: boolean;
  /** Folder of decoded images and teacher's features; default: cache/ in `out`. */
  readonly cache?: string | undefined;
  /** Stop cleanly after so many minutes. */
  readonly minutes?: number | undefined;
  /** Minutes between two checkpoints. */
  readonly checkpointMinutes: number;
}

/** The contents of metrics.json. */
export interface PretrainingMetrics {
  readonly finished: boolean;
  /** Of the network in model/ on all validation images, after the last epoch; null before. */
  readonly accuracy: number | null;
  readonly seconds: number;
  readonly curve: PretrainingRecord["curve"];
}

/**
 * Trains until the plan's end, the time limit or the signal.
 * @throws InputError in one line for wrong input; the signal's reason if it aborts before the first step
 */
export async function runPretraining(
  request: PretrainingRequest,
  listen: (event: PretrainingEvent) => void = () => {},
  signal?: AbortSignal,
): Promise<PretrainingMetrics> {
  const asked = checked(pretrainingOptionsSchema, request.options);
  const options = { ...asked, microBatch: asked.microBatch ?? largestDivisor(asked.batch, MICRO_BATCH) };
  const network = networkOf(options);
  if (network.regressed) checkRegression(network);
  const plan = planOf(options, network);
  checkBatch("batch", plan.batchSize, network.config.imageSize);
  const dataset = await openPretrainingData(options.data, options);
  const images = dataset.train.length;
  if (images < 2 * plan.batchSize) {
    const advice =
      images < 2 ? "there must be two at least" : `choose --batch ${Math.floor(images / 2)} or less`;
    throw new InputError(
      `--batch ${plan.batchSize}: there are only ${images} training images, and an epoch has two batches at least; ${advice}`,
    );
  }
  const split = options.holdOut === undefined ? null : holdOut(dataset, options.holdOut, options.seed);
  const { rate, keptPatches, dropShare } = plan;
  const config = { ...options, rate, keptPatches, dropShare, network: network.config };
  const { folder, checkpoint } = await PretrainingFolder.open(request.out, config, request.resume);
  try {
    return await pretrainIn(folder, {
      request,
      options,
      network,
      plan,
      dataset,
      split,
      checkpoint,
      listen,
      signal,
    });
  } finally {
    folder.close();
  }
}

/** What a training is made of, once its folder is its own. */
interface Prepared {
  readonly request: PretrainingRequest;
  readonly options: PlannedSettings;
  readonly network: StartingNetwork;
  readonly plan: PretrainingPlan;
  readonly dataset: Dataset;
  readonly split: HeldOut | null;
  readonly checkpoint: PretrainingCheckpoint | undefined;
  readonly listen: (event: PretrainingEvent) => void;
  readonly signal: AbortSignal | undefined;
}

async function pretrainIn(folder: PretrainingFolder, prepared: Prepared): Promise<PretrainingMetrics> {
  const { request, options, network, dataset, split, checkpoint, listen, signal } = prepared;
  const tell = (event: PretrainingEvent): void => {
    folder.log(event);
    listen(event);
  };
  const notices = [
    ...(network.notices ?? []),
    ...(network.teacher?.notices ?? []),
    ...(dataset.notices ?? []),
  ];
  for (const text of notices) tell({ type: "notice", text });
  const runtime = nodeRuntime({ threads: options.threads });
  const cache = request.cache ?? join(request.out, "cache");
  const lock = await lockFolder(cache, "--cache"); // others may read it, but not fill it at the same time
  const opened = await openData(
    options,
    network,
    { dataset, split },
    { cache, runtime, signal },
    tell,
  ).finally(() => lock.release());
  try {
    const start =
      network.regressed && checkpoint === undefined
        ? await regressedStart(options, network, { dataset, split }, opened, { runtime, signal }, tell)
        : network.weights;
    return await trainStudent(folder, prepared, opened, { start, runtime, tell });
  } finally {
    opened.close();
  }
}

async function trainStudent(
  folder: PretrainingFolder,
  { request, options, network, plan, dataset, checkpoint, signal }: Prepared,
  { data, teacherAccuracy }: OpenData,
  {
    start,
    runtime,
    tell,
  }: Pick<ConstructorParameters<typeof Student>[0], "start" | "runtime"> & {
    readonly tell: (event: PretrainingEvent) => void;
  },
): Promise<PretrainingMetrics> {
  const classes = dataset.classNames.length;
  const student = new Student({
    network: {
      config: network.config,
      classes,
      teacherWidth: data.teacher?.width ?? null,
      microBatch: options.microBatch,
    },
    plan,
    runtime,
    preprocessing: network.preprocessing,
    start,
  });
  try {
    const { finished, record } = await pretrain({
      student,
      data,
      plan,
      output: {
        event: tell,
        saveCheckpoint: (state) => folder.saveCheckpoint(state),
        saveModel: (parameters) => saveModel(join(request.out, "model"), network, parameters),
      },
      checkpointSeconds: 60 * request.checkpointMinutes,
      limitSeconds: request.minutes === undefined ? undefined : 60 * request.minutes,
      start: {
        type: "pretraining-start",
        images: data.train.count,
        validationImages: data.validation.count,
        classes,
        parameters: student.size,
        epochs: plan.epochs,
        steps: plan.epochs * stepsPerEpoch(plan, data.train.count),
        teacherAccuracy,
      },
      resume: checkpoint,
      signal,
    });
    const accuracy = finished ? bestAccuracy(record.curve.at(-1)!) : null;
    const metrics = { finished, accuracy, seconds: record.seconds, curve: record.curve };
    if (accuracy !== null) tell({ type: "pretraining-end", accuracy, seconds: record.seconds });
    await writeWhole(join(request.out, "metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`, RUN_FILE);
    return metrics;
  } finally {
    await student.dispose();
  }
}

/** A fitted start needs gentler steps than any other: larger ones ruin it first. */
const GENTLE = { rate: 1.5e-4, dropShare: 0 };
const PLAIN = { rate: 1e-3, dropShare: 0.6 };

/** Settings with the micro-batch that follows from them. */
type PlannedSettings = PretrainingSettings & { readonly microBatch: number };

/** Images in one run of the graph at most, unless told otherwise. */
const MICRO_BATCH = 32;

/** Of a number, at most `limit`. */
function largestDivisor(number: number, limit: number): number {
  let divisor = Math.min(number, limit);
  while (number % divisor !== 0) divisor--;
  return divisor;
}

function planOf(
  options: PlannedSettings,
  { config, regressed }: Pick<StartingNetwork, "config" | "regressed">,
): PretrainingPlan {
  const usual = regressed ? GENTLE : PLAIN;
  const { epochs, batch, microBatch, cropArea } = options;
  if (batch % microBatch !== 0) {
    throw new InputError(`--micro-batch ${microBatch}: does not divide --batch ${batch}`);
  }
  const patches = patchCount(config);
  const keptPatches = options.keptPatches ?? Math.ceil(patches / 2);
  if (keptPatches > patches) {
    throw new InputError(`--kept-patches ${keptPatches}: an image has only ${patches}`);
  }
  const { rate = usual.rate, warmup, weightDecay, clip, averageDecay } = options;
  const { labelSmoothing, teacherShare, featureWeight } = options;
  return {
    epochs,
    batchSize: batch,
    rate,
    warmup,
    weightDecay,
    clip,
    averageDecay,
    labelSmoothing,
    teacherShare,
    featureWeight,
    keptPatches,
    dropShare: options.dropShare ?? usual.dropShare,
    augmentation: { crop: { scale: [cropArea, 1], ratio: [4 / 5, 5 / 4] }, flip: 0.5 },
    seed: options.seed,
  };
}
