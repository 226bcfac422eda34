/** @file One run from its configuration to its folder: what `fmlora run` does, for programs too. */
import { AUGMENTATIONS } from "../../data/augmentation.ts";
import type { Augmentation, Dataset } from "../../data/dataset.ts";
import { METHODS, type Method, type MethodContext } from "../../methods/index.ts";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { optimization } from "../../optim/index.ts";
import { checkBatch, defaultMicroBatch } from "../../run/bounds.ts";
import { checked } from "../../run/checked.ts";
import { type RunOptionsInput, runOptionsSchema } from "../../run/options.ts";
import { precisionOf } from "../../run/precision.ts";
import { effectiveOrderSeed, evaluationPlan, streamOf } from "../../run/stream.ts";
import { InputError } from "../../tensor/errors.ts";
import type { Checkpoint } from "../../train/checkpoint.ts";
import type { RunEvent } from "../../train/events.ts";
import { runMetrics } from "../../train/metrics.ts";
import { runStream } from "../../train/run.ts";
import { tracedOptimization } from "../../train/traced.ts";
import { findBackbone } from "../backbones/backbones.ts";
import { benchmarkNamed } from "../benchmarks/index.ts";
import { openImages } from "../images/open.ts";
import { nodeRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { Profile } from "./profile.ts";
import { RunDirectory } from "./run-directory.ts";

/** What to run. */
export interface RunRequest {
  readonly benchmark: string;
  readonly method: string;
  readonly out: string;
  readonly resume: boolean;
  readonly options: RunOptionsInput;
  readonly methodOptions: Readonly<Record<string, unknown>>;
  readonly benchmarkOptions?: Readonly<Record<string, string | number>>;
  /** Writes profile.trace.json and profile.md: where the time went. */
  readonly profile?: boolean;
}

/** Runs a benchmark to its end and returns its metrics. @throws InputError in one line for wrong input. */
export async function runBenchmark(
  request: RunRequest,
  listen: (event: RunEvent) => void = () => {},
  signal?: AbortSignal,
): Promise<RunMetrics> {
  const profile = request.profile === true ? new Profile(request.out) : undefined;
  const prepared = await prepare(request, profile);
  const { directory, checkpoint } = await RunDirectory.open(request.out, prepared.config, request.resume);
  try {
    return await runPrepared(prepared, { directory, checkpoint, listen, signal, profile });
  } finally {
    directory.close();
  }
}

/** Where a run goes, where it continues, and who hears of it. */
interface Surroundings {
  readonly directory: RunDirectory;
  readonly checkpoint: Checkpoint | undefined;
  readonly listen: (event: RunEvent) => void;
  readonly signal: AbortSignal | undefined;
  readonly profile: Profile | undefined;
}

async function runPrepared(
  { config, stream, learner, context, training, evaluation, images }: Awaited<ReturnType<typeof prepare>>,
  { directory, checkpoint, listen, signal, profile }: Surroundings,
): Promise<RunMetrics> {
  const { method, methodOptions, benchmark, backbone, imageSize, seed, orderSeed } = config;
  const { precision, float32Parts } = config;
  const { kind, classNames, protocol, dataset } = stream;
  const model = {
    method,
    methodOptions,
    backbone,
    imageSize,
    precision,
    float32Parts,
    benchmark,
    kind,
    classNames,
  };
  const output = directory.output(model, listen);
  if (checkpoint === undefined) {
    output.event({
      type: "run-start",
      method,
      benchmark,
      backbone,
      tasks: stream.tasks.length,
      classes: classNames.length,
      notes: learner.notes ?? [],
    });
  }
  const notice = (text: string): void => output.event({ type: "notice", text });
  for (const text of [...(context.backbone.notices ?? []), ...(dataset.notices ?? [])]) notice(text);
  const opened = openImages(images, stream.dataset, notice);
  const running = runStream({
    stream,
    learner,
    context,
    training,
    evaluation,
    ...opened,
    unreadable: images.unreadable,
    output,
    resume: checkpoint,
    signal,
    trace: profile?.trace,
  });
  const record = await running.finally(async () => {
    await opened.close();
    await profile?.write(); // a run that is stopped has one, too
  });
  const metrics = runMetrics(record, {
    method,
    benchmark,
    dataset: dataset.name,
    protocol,
    backbone,
    seed,
    orderSeed,
    taskNames: stream.tasks.map((task) => task.name),
    domainNames: dataset.domainNames,
    // All classes are there from the start: an untrained classifier is right by chance.
    chance: kind === "domain-incremental" ? 1 / classNames.length : undefined,
    evaluatedOn: training.evaluateOn,
    peakRssBytes: process.resourceUsage().maxRSS * 1024,
  });
  const { lastAccuracy, averageAccuracy, seconds } = metrics;
  output.event({ type: "run-end", lastAccuracy, averageAccuracy, seconds });
  await directory.finish(config, metrics);
  return metrics;
}

/** Opens and checks everything that a run needs, before any file is written. */
async function prepare(request: RunRequest, profile: Profile | undefined) {
  // How images are prepared is no part of the configuration: a resumed run may do it in another way.
  const { workers, cache, ...options } = checked(runOptionsSchema, request.options);
  const benchmark = benchmarkNamed(request.benchmark);
  const method = methodNamed(request.method);
  const methodOptions = checked(method.options, request.methodOptions, `method ${method.name}`);
  const { imageSize, precision: wanted } = options;
  const backbone = await findBackbone(options.backbone, { imageSize, stored: wanted === "int8" });
  const benchmarkOptions = request.benchmarkOptions ?? {};
  const dataset = await benchmark.open({ data: options.data, seed: options.seed, options: benchmarkOptions });
  const stream = streamOf(benchmark, dataset, options, method.protocol === "joint");
  const evaluation = evaluationPlan(stream, options);
  const runtimeOptions = { threads: options.threads ?? defaultThreads() };
  const runtime = profile === undefined ? nodeRuntime(runtimeOptions) : profile.runtime(runtimeOptions);
  const precision = await precisionOf(runtime, backbone, options);
  const microBatch = options.microBatch ?? defaultMicroBatch(backbone);
  checkBatch("batch-size", options.batchSize, backbone.config.imageSize);
  checkBatch("micro-batch", microBatch, backbone.config.imageSize);
  const training = {
    epochs: options.epochs,
    firstEpochs: options.firstEpochs ?? (method.protocol === "joint" ? options.epochs : 2 * options.epochs),
    batchSize: options.batchSize,
    augmentation: augmentationOf(options.augmentation, dataset),
    evaluateOn: options.evaluateOn,
  };
  const config = {
    method: method.name,
    methodOptions,
    benchmark: benchmark.name,
    benchmarkOptions,
    dataset: dataset.name,
    protocol: stream.protocol,
    ...options,
    ...training,
    backbone: backbone.name, // with the commit, where it is of the Hub
    augmentation: options.augmentation,
    views: training.augmentation,
    orderSeed: effectiveOrderSeed(benchmark, options),
    evaluateTasks: evaluation.tasks,
    anytime: evaluation.everyImages,
    tasks: stream.tasks.length,
    ...(precision.name === "int8" ? { largestInt8Weight: precision.largestWeight } : {}),
    threads: runtime.threads,
    microBatch,
    imageSize: backbone.config.imageSize,
    runtime: runtime.name,
  };
  const chosen = optimization(options.optimizer, options.schedule, options.weightDecay);
  const context: MethodContext = {
    backbone,
    runtime,
    seed: options.seed,
    microBatch,
    precision,
    optimization: profile === undefined ? chosen : tracedOptimization(chosen, profile.trace),
  };
  const learner = method.create(context, methodOptions);
  const images = { workers, cache, unreadable: options.unreadable };
  return { config, stream, learner, context, training, evaluation, images };
}

/** @throws InputError listing the names there are */
export function methodNamed(name: string): Method {
  const method = METHODS.find((candidate) => candidate.name === name);
  if (method === undefined) {
    throw new InputError(
      `there is no method "${name}"; expected one of: ${METHODS.map((each) => each.name).join(", ")}`,
    );
  }
  return method;
}

function augmentationOf(name: keyof typeof AUGMENTATIONS | "benchmark", dataset: Dataset): Augmentation {
  return name === "benchmark" ? (dataset.augmentation ?? AUGMENTATIONS.flip) : AUGMENTATIONS[name];
}
