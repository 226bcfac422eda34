/** @file From a request to all that a run is made of, checked before any file is written. */
import { AUGMENTATIONS } from "../../data/augmentation.ts";
import type { Augmentation, Dataset } from "../../data/dataset.ts";
import { headSetOptions } from "../../heads/head-set.ts";
import type { MethodContext } from "../../methods/index.ts";
import { Activations } from "../../network/activations.ts";
import { optimization } from "../../optim/index.ts";
import { checkBatch, defaultMicroBatch } from "../../run/bounds.ts";
import { checked } from "../../run/checked.ts";
import { usualFeatures } from "../../run/features.ts";
import { FORMAT } from "../../run/former-model.ts";
import { chosenHeads } from "../../run/heads.ts";
import { methodOptionsOn } from "../../run/method-options.ts";
import { runOptionsSchema } from "../../run/options.ts";
import { precisionOf } from "../../run/precision.ts";
import { effectiveOrderSeed, evaluationPlan, streamOf } from "../../run/stream.ts";
import { ContinualModel } from "../../train/model.ts";
import { tracedOptimization } from "../../train/traced.ts";
import { findBackbone } from "../backbones/backbones.ts";
import { scratchFile } from "../files/scratch.ts";
import { requirePrecision } from "../runtime/devices.ts";
import { workingRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { identityOf } from "./identity.ts";
import type { Profile } from "./profile.ts";
import { REGISTRY } from "./registry.ts";
import { optionsIn, type ResolvedRun, type RunRequest } from "./request.ts";

/**
 * Of features that a run remembers, those of 170,000 images of width 384, and apart of what first blocks leave of a task's
 * images. Results don't depend on it.
 */
const REMEMBERED_BYTES = 2 ** 28;

/** Opens and checks everything that a run needs, before any file is written. */
export async function prepare(
  request: RunRequest,
  { benchmark, method }: ResolvedRun,
  profile: Profile | undefined,
) {
  // How images are prepared is no part of the configuration: a resumed run may do it in another way.
  const asked = optionsIn(request);
  const { workers, cache, baseline, reportImages, ...options } = checked(runOptionsSchema, asked.options);
  const methodOptions = methodOptionsOn(
    benchmark.kind,
    method,
    request.methodOptions ?? {},
    `method ${method.name}`,
  );
  const benchmarkOptions = checked(
    benchmark.options,
    request.benchmarkOptions ?? {},
    `benchmark ${benchmark.name}`,
  );
  const { plugins } = request.registry ?? REGISTRY;
  const headChoice = chosenHeads(method, options.heads, options.drift, asked.knownHeads);
  const headOptions = checked(
    headSetOptions(headChoice.heads, headChoice.drift),
    request.headOptions ?? {},
    `heads ${headChoice.heads.map(({ name }) => name).join(", ")}`,
  );
  const { imageSize, precision: wanted } = options;
  const backbone = await findBackbone(options.backbone, { imageSize, stored: wanted === "int8" });
  const whole = await benchmark.open({ data: options.data, seed: options.seed, options: benchmarkOptions });
  const stream = streamOf(benchmark, whole, options, method.traits.protocol === "joint");
  const { dataset } = stream;
  const evaluation = { ...evaluationPlan(stream, options), mistakes: reportImages };
  const { device } = options;
  requirePrecision(device, wanted);
  const runtimeOptions = { threads: options.threads ?? defaultThreads(), device };
  const tried = await workingRuntime(runtimeOptions);
  const runtime = profile === undefined ? tried : profile.runtime(runtimeOptions);
  const precision = await precisionOf(runtime, backbone, options);
  const features = options.features ?? usualFeatures(method, backbone.config);
  const microBatch = options.microBatch ?? defaultMicroBatch(backbone);
  checkBatch("batchSize", options.batchSize, backbone.config.imageSize);
  checkBatch("microBatch", microBatch, backbone.config.imageSize);
  const training = {
    epochs: options.epochs,
    firstEpochs:
      options.firstEpochs ?? (method.traits.protocol === "joint" ? options.epochs : 2 * options.epochs),
    batchSize: options.batchSize,
    augmentation: augmentationOf(options.augmentation, dataset),
    fixedViews: options.fixedViews,
    evaluateOn: options.evaluateOn,
  };
  const config = {
    format: FORMAT,
    method: method.name,
    methodOptions,
    headOptions,
    benchmark: benchmark.name,
    benchmarkOptions,
    dataset: dataset.name,
    protocol: stream.protocol,
    ...options,
    ...training,
    features,
    heads: headChoice.heads.map(({ name }) => name),
    drift: headChoice.drift.name,
    backbone: backbone.name, // with the commit, where it is of the Hub
    augmentation: options.augmentation,
    views: training.augmentation,
    identity: { weights: backbone.sha256, ...(await identityOf(dataset)) },
    orderSeed: effectiveOrderSeed(benchmark, options),
    evaluateTasks: evaluation.tasks,
    anytime: evaluation.everyImages,
    tasks: stream.wholeTasks ?? stream.tasks.length,
    ...(precision.name === "int8" ? { largestInt8Weight: precision.largestWeight } : {}),
    threads: runtime.threads,
    microBatch,
    imageSize: backbone.config.imageSize,
    runtime: runtime.name,
    ...(plugins.length === 0 ? {} : { plugins }),
  };
  const plain = optimization(options.optimizer, options.schedule, options.weightDecay);
  const context: MethodContext = {
    backbone,
    runtime,
    seed: options.seed,
    microBatch,
    rememberedBytes: REMEMBERED_BYTES,
    activations: new Activations({ memoryBytes: REMEMBERED_BYTES, scratch: scratchFile }),
    precision,
    features,
    optimization: profile === undefined ? plain : tracedOptimization(plain, profile.trace),
    tasks: stream.wholeTasks ?? stream.tasks.length, // a run that is stopped early learns as one that goes on
  };
  const model = new ContinualModel(context, { method, methodOptions, ...headChoice, headOptions });
  const images = { workers, cache, unreadable: options.unreadable };
  const { grows, trains, trained, forwardPasses } = method.traits;
  const traits = { grows, trains, trained, forwardPasses };
  const asksBaseline = baseline && trains !== "never" && evaluation.after !== "none";
  return { config, traits, stream, model, context, training, evaluation, images, asksBaseline };
}

function augmentationOf(name: keyof typeof AUGMENTATIONS | "benchmark", dataset: Dataset): Augmentation {
  return name === "benchmark" ? (dataset.augmentation ?? AUGMENTATIONS.flip) : AUGMENTATIONS[name];
}
