/** @file What a learner is made of: a model, how its images are prepared, and what it remembers. */
import type { ImageTransform } from "../data/dataset.ts";
import { headSetOptions } from "../heads/head-set.ts";
import type { AnyHead } from "../heads/index.ts";
import type { AnyMethod, MethodContext } from "../methods/index.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { DEFAULT_OPTIMIZATION } from "../optim/index.ts";
import { defaultMicroBatch } from "../run/bounds.ts";
import { checked } from "../run/checked.ts";
import { FORMAT } from "../run/former-model.ts";
import { chosenHeads } from "../run/heads.ts";
import { precisionOf } from "../run/precision.ts";
import { byName, chosen, type Registry, withPlugins } from "../run/registry.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { ContinualModel } from "../train/model.ts";
import { withOwnAdapter } from "./adapter.ts";
import type { ReadPath } from "./images.ts";
import { Digests, type Memory, memoryOf } from "./memory.ts";
import { checkFits, checkWeights, decodeModel, type ModelBasis } from "./model-file.ts";
import { freshRecord } from "./record.ts";

/** Where a learner computes, and how it reads images. */
export interface LearnerPlatform {
  readonly backbone: Backbone;
  readonly runtime: Runtime;
  /** Decodes images to pixels. */
  readonly transform: ImageTransform;
  /** Reads paths; left out where there are no files. */
  readonly readPath?: ReadPath | undefined;
  /** Where methods and heads are looked up; default: what comes along. */
  readonly registry?: Registry | undefined;
  /** Images in one run of a graph; default: by the number of tokens. */
  readonly microBatch?: number | undefined;
}

/** What a new learner is to be. */
export interface LearnerChoice {
  /** A name, or a method itself; default: fm-lora. */
  readonly method?: string | AnyMethod | undefined;
  /** Of the method. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Names or heads themselves, the first answers; default: the method's. */
  readonly heads?: readonly (string | AnyHead)[] | undefined;
  /** How what heads keep moves along with the features; default: the method's. */
  readonly drift?: string | undefined;
  /** Of the heads and the drift map. */
  readonly headOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Of products with frozen weights; default: float32. */
  readonly precision?: "float32" | "int8" | undefined;
  /** Fixes everything random. */
  readonly seed?: number | undefined;
}

/** A learner's parts. */
export interface LearnerParts {
  readonly platform: LearnerPlatform;
  readonly method: AnyMethod;
  /** The first answers. */
  readonly heads: readonly AnyHead[];
  readonly model: ContinualModel;
  readonly context: MethodContext;
  /** What the model's file says of it, without what grows. */
  readonly basis: ModelBasis;
  /** Tasks that a run has trained before. */
  readonly tasksBefore: number;
  readonly memory: Memory;
  /** File of the state before the last learn. */
  readonly previous: Uint8Array | undefined;
}

/** The same once it is settled what there is to choose from; the first method is the default. */
export interface PartsPlatform extends LearnerPlatform {
  readonly registry: Registry;
}

/** A learner's classes may have few images, which have no directions of their own, and exports want linear heads. */
const RUNS_ONLY: readonly string[] = ["gaussian"];

/** Parts of a learner that has learned nothing. @throws InputError for a name or a value that can't be */
export async function newParts(platform: PartsPlatform, choice: LearnerChoice): Promise<LearnerParts> {
  const { registry } = platform;
  const method = chosen(registry, "methods", choice.method ?? registry.methods[0]!.name);
  const own = (choice.heads ?? []).filter((head) => typeof head !== "string");
  const known = withPlugins(registry, [{ heads: own.filter((head) => !registry.heads.includes(head)) }]);
  const names =
    choice.heads?.map((head) => (typeof head === "string" ? head : head.name)) ??
    method.defaults.heads.filter((name) => !RUNS_ONLY.includes(name));
  const { heads, drift } = chosenHeads(method, names, choice.drift, known.heads);
  const { backbone } = platform;
  const basis: ModelBasis = {
    format: FORMAT,
    method: method.name,
    methodOptions: checked(method.options, choice.options ?? {}, `method ${method.name}`),
    heads: heads.map(({ name }) => name) as [string, ...string[]],
    drift: drift.name,
    headOptions: checked(headSetOptions(heads, drift), choice.headOptions ?? {}, "heads"),
    backbone: backbone.name,
    ...(backbone.sha256 === undefined ? {} : { weights: backbone.sha256 }),
    imageSize: backbone.config.imageSize,
    precision: choice.precision ?? "float32",
    float32Parts: [],
    features: "cls",
    plugins: [...registry.plugins],
    seed: checkedSeed(choice.seed),
  };
  const memory = { classNames: [], record: freshRecord(0), digests: new Digests() };
  const made = await modelOf(basis, { ...platform, registry: known }, "a new learner");
  return { ...made, platform, basis, memory, tasksBefore: 0, previous: undefined };
}

/**
 * Parts of a learner that goes on from a model, a learner's or a run's.
 * @param file for messages
 * @param previous file of its state before the last learn
 * @throws InputError if the model can't be read, or doesn't fit the backbone
 */
export async function partsOf(
  given: PartsPlatform,
  bytes: Uint8Array,
  {
    file = "the model",
    previous,
  }: { readonly file?: string; readonly previous?: Uint8Array | undefined } = {},
): Promise<LearnerParts> {
  const { description, tensors } = decodeModel(bytes, file);
  checkWeights(description, given.backbone, file);
  const platform = { ...given, backbone: withOwnAdapter(given.backbone, tensors, file) };
  const made = await modelOf(description, platform, file);
  try {
    checkFits(made.model.state(), tensors, file);
    await made.model.load(tensors, description.temperatures);
  } catch (error) {
    await made.model.dispose();
    throw error;
  }
  const memory = memoryOf(description, tensors);
  const { tasksDone } = description;
  const tasksBefore = typeof tasksDone === "number" ? tasksDone : 0;
  return { ...made, platform, basis: description, memory, tasksBefore, previous };
}

async function modelOf(
  basis: ModelBasis,
  { backbone, runtime, registry, microBatch = defaultMicroBatch(backbone) }: PartsPlatform,
  file: string,
): Promise<Pick<LearnerParts, "method" | "heads" | "model" | "context">> {
  const { plugins, seed } = basis;
  const method = byName(registry, "methods", basis.method, plugins);
  if (method.traits.protocol === "joint") {
    throw new InputError(
      `${optionText("method", method.name)}: trains on all tasks at once, and a learner meets them one by one; choose another`,
    );
  }
  const choice = chosenHeads(method, basis.heads, basis.drift, registry.heads, plugins);
  const precision = await precisionOf(runtime, backbone, basis);
  const context = {
    backbone,
    runtime,
    seed,
    microBatch,
    oneByOne: true,
    precision,
    features: basis.features,
    optimization: DEFAULT_OPTIMIZATION,
  };
  const model = new ContinualModel(context, {
    method,
    methodOptions: checked(method.options, basis.methodOptions, `${file}: options of ${method.name}`),
    ...choice,
    headOptions: checked(
      headSetOptions(choice.heads, choice.drift),
      basis.headOptions,
      `${file}: options of its heads`,
    ),
  });
  return { method, heads: choice.heads, model, context };
}

function checkedSeed(seed = 1993): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new InputError(`${optionText("seed", seed)}: expected a whole number, 0 or more`);
}
