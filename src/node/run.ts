/** @file One run from its configuration to its folder: what `fmlora run` does, for programs too. */
import { z } from "zod";
import { AUGMENTATIONS } from "../data/augmentation.ts";
import { DEFAULT_ORDER_SEED } from "../data/class-order.ts";
import type { Augmentation, Dataset } from "../data/dataset.ts";
import { METHODS, type Method, type MethodContext } from "../methods/index.ts";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { FLOAT32_PARTS } from "../nn/precision.ts";
import { OPTIMIZERS, optimization, SCHEDULES } from "../optim/index.ts";
import { InputError } from "../tensor/errors.ts";
import type { Checkpoint } from "../train/checkpoint.ts";
import type { RunEvent } from "../train/events.ts";
import { runMetrics } from "../train/metrics.ts";
import { runStream } from "../train/run.ts";
import { tracedOptimization } from "../train/traced.ts";
import { findBackbone } from "./backbones.ts";
import { batchCount, checkBatch, defaultMicroBatch, imageSide } from "./bounds.ts";
import { benchmarkNamed } from "./datasets/index.ts";
import { imageOptions, openImages } from "./image-options.ts";
import { checked } from "./options.ts";
import { precisionOf } from "./precision.ts";
import { Profile } from "./profile.ts";
import { RunDirectory } from "./run-directory.ts";
import { effectiveOrderSeed, evaluationPlan, streamOf } from "./run-stream.ts";
import { nodeRuntime } from "./runtime.ts";
import { defaultThreads, threadCount } from "./threads.ts";

const count = z.number().int().positive();
const names = <Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] =>
  Object.keys(table) as [Name, ...Name[]];

/** Options of a run, with their defaults; the command line derives its flags from these descriptions. */
export const runOptionsSchema = z.object({
  data: z.string().optional().describe("folder with the benchmark's images"),
  backbone: z
    .string()
    .default("vit-tiny-patch8-64")
    .describe("name of a shipped backbone, a folder, or organisation/name on the Hugging Face Hub"),
  imageSize: imageSide.optional().describe("input side in pixels, if not the backbone's own"),
  tasks: count.optional().describe("number of tasks (default: the benchmark's)"),
  initialClasses: z
    .union([z.literal("half"), count])
    .optional()
    .describe("classes of the first task, half for half of all (with --increment)"),
  increment: count.optional().describe("classes of each further task, instead of --tasks"),
  domains: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("domains of a domain-incremental stream, in this order (default: the benchmark's)"),
  blurry: z
    .array(z.number().min(0).max(100))
    .length(2)
    .optional()
    .describe(
      "N,M: i-Blurry; N % of the classes in one task only, of the others M % of the images in other tasks",
    ),
  seed: z.number().int().nonnegative().default(1993).describe("fixes everything random but the class order"),
  orderSeed: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(`class order (default ${DEFAULT_ORDER_SEED}; domains keep their own order)`),
  epochs: count.default(2).describe("epochs of each task after the first"),
  firstEpochs: count.optional().describe("epochs of the first task (default: twice the others)"),
  batchSize: batchCount.default(32).describe("images in one optimiser step"),
  optimizer: z.enum(names(OPTIMIZERS)).default("adamw").describe("optimiser of every trained array"),
  schedule: z
    .enum(names(SCHEDULES))
    .default("cosine")
    .describe("learning rate over a task; cosine warms up first"),
  weightDecay: z.number().min(0).default(0).describe("decay of all trained arrays"),
  precision: z
    .enum(["float32", "int8"])
    .default("float32")
    .describe("of products with frozen weights; int8 is faster and rounds"),
  float32Parts: z
    .array(z.enum(FLOAT32_PARTS))
    .default([])
    .describe(`what stays in float32 with --precision int8, of: ${FLOAT32_PARTS.join(", ")}`),
  microBatch: batchCount
    .optional()
    .describe("images in one run of the graph (default: by the number of tokens)"),
  augmentation: z
    .enum(["benchmark", ...names(AUGMENTATIONS)])
    .default("benchmark")
    .describe("training views"),
  limitPerClass: count.optional().describe("training images a class, the first in file order"),
  testLimitPerClass: count.optional().describe("test images a class, the first in file order"),
  validationPerClass: count.optional().describe("of the training images, so many a class are held out"),
  evaluateOn: z
    .enum(["test", "validation"])
    .default("test")
    .describe("validation: evaluate on the held-out training images"),
  evaluate: z
    .union([z.enum(["all", "last", "none"]), count])
    .default("all")
    .describe("after which tasks accuracy is measured: every n-th and the last, all, last, none"),
  evaluateTasks: z
    .enum(["seen", "all"])
    .optional()
    .describe("test images of the tasks seen, or of all (default: seen; in a domain stream all)"),
  anytime: count
    .optional()
    .describe(
      "also measure after every so many training images, for A_AUC (default: never; with --blurry 20 times)",
    ),
  unreadable: z
    .enum(["fail", "skip"])
    .default("fail")
    .describe("what to do with an image that cannot be decoded"),
  threads: threadCount.optional().describe("threads of the runtime (default: all cores, at most 8)"),
  ...imageOptions,
});

/** Values of `runOptionsSchema`, as given. */
export type RunOptionsInput = z.input<typeof runOptionsSchema>;

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
    ...{ method, methodOptions, backbone, imageSize, precision, float32Parts },
    ...{ benchmark, kind, classNames },
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
  const opened = openImages(images, stream.dataset, (text) => output.event({ type: "notice", text }));
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
