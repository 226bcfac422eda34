/** @file The file of a model, a run's or a learner's: what it says about itself, and whether its parts fit each other. */
import * as z from "zod";
import { FEATURES } from "../network/features.ts";
import { imageSide } from "../nn/bounds.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { FLOAT32_PARTS } from "../nn/precision.ts";
import { currentDescription, FORMAT } from "../run/former-model.ts";
import { InputError } from "../tensor/errors.ts";
import { checkFinite } from "../tensor/finite.ts";
import { decodeSafetensors, encodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { RECORD_VERSION, recordSchema } from "./record.ts";

/** Metadata entry of model.safetensors. */
const ENTRY = "fm-lora";

/** What a model is made of. */
const basisSchema = z.looseObject({
  format: z.literal(FORMAT),
  method: z.string(),
  methodOptions: z.record(z.string(), z.unknown()),
  heads: z.array(z.string()).nonempty().optional(),
  drift: z.string().optional(),
  headOptions: z.record(z.string(), z.unknown()).default({}),
  backbone: z.string(),
  /** SHA-256 of the backbone's, where that is known. */
  weights: z.string().optional(),
  imageSize: imageSide,
  precision: z.enum(["float32", "int8"]).default("float32"),
  float32Parts: z.array(z.enum(FLOAT32_PARTS)).default([]),
  features: z.enum(FEATURES).default("cls"),
  plugins: z.array(z.string()).default([]),
  /** Fixes what a learner draws. */
  seed: z.number().int().nonnegative().default(1993),
});

/** What model.safetensors says about itself under "fm-lora". */
const descriptionSchema = basisSchema.extend({
  classNames: z.array(z.string()).nonempty(),
  /** Of its first head, fitted: whoever opens the model need not fit it again. */
  temperatures: z.record(z.string(), z.number().positive()).optional(),
  learner: recordSchema.optional(),
});

/** What a model is made of, whatever it has learned. */
export type ModelBasis = z.infer<typeof basisSchema>;

/** What a model says about itself. */
export type ModelDescription = z.infer<typeof descriptionSchema>;

/** A model as it lies in its file. */
export interface ModelFile {
  readonly description: ModelDescription;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * Reads what a run or a learner has written.
 * @param file for messages
 * @throws InputError if it is damaged, another program's or a later version's
 */
export function decodeModel(bytes: Uint8Array, file: string): ModelFile {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const description = parseDescription(metadata[ENTRY], file);
  for (const [name, each] of Object.entries(tensors)) checkFinite(file, name, each);
  checkClasses(tensors, description.classNames, file);
  return { tensors, description };
}

/** The file's bytes. `description` is that of `ModelDescription`, and may have more. */
export function encodeModel(tensors: Readonly<Record<string, Tensor>>, description: object): Uint8Array {
  return encodeSafetensors(tensors, { [ENTRY]: JSON.stringify(description) });
}

function parseDescription(text: string | undefined, file: string): ModelDescription {
  if (text === undefined) {
    throw new InputError(`${file}: no model of fm-lora: its metadata have no entry "fm-lora"`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: its entry "fm-lora" is no JSON`, { cause: error });
  }
  if (typeof json !== "object" || json === null) {
    throw new InputError(`${file}: its entry "fm-lora" is no JSON object`);
  }
  const description = currentDescription(json as Record<string, unknown>);
  checkVersion(file, "a model of format", description.format, FORMAT);
  const record = description.learner as { readonly version?: unknown } | undefined;
  if (record !== undefined) checkVersion(file, "a learner of version", record?.version, RECORD_VERSION);
  const result = descriptionSchema.safeParse(description);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: its entry "fm-lora": ${issue!.path.join(".")}: ${issue!.message}`);
}

function checkVersion(file: string, what: string, found: unknown, expected: number): void {
  if (found === expected) return;
  throw new InputError(
    `${file}: ${what} ${JSON.stringify(found)}, this program reads ${expected}; open it with the version that wrote it`,
  );
}

/**
 * Compares tensors with a model's state before training, which has the names of any later one; only the number of
 * classes grows.
 * @throws InputError naming the tensor that doesn't fit
 */
export function checkFits(
  untrained: Readonly<Record<string, Tensor>>,
  tensors: Readonly<Record<string, Tensor>>,
  file: string,
): void {
  for (const [name, { dtype, dims }] of Object.entries(untrained)) {
    const found = tensors[name];
    if (found === undefined) {
      throw new InputError(`${file}: tensor ${name} is missing; the model and its backbone don't fit`);
    }
    if (found.dtype !== dtype) {
      throw new InputError(
        `${file}: tensor ${name} is ${found.dtype}; expected ${dtype}: the file is another program's`,
      );
    }
    if (found.dims.length !== dims.length || (dims.length > 1 && found.dims.at(-1) !== dims.at(-1))) {
      throw new InputError(
        `${file}: tensor ${name} is [${found.dims}], the backbone makes it [${dims}]; the model was trained on another one`,
      );
    }
    const classes = tensors[name.replace(/[^.]+$/, "classes")];
    if (dims[0] === 0 && classes !== undefined && found.dims[0] !== classes.dims[0]) {
      throw new InputError(
        `${file}: tensor ${name} is of ${found.dims[0]} classes, the list beside it of ${classes.dims[0]}; the file is damaged: take it from the run again`,
      );
    }
  }
}

/** The classes in the state are places in the list of names, each once unless tasks are told beside them. */
function checkClasses(
  tensors: Readonly<Record<string, Tensor>>,
  classNames: readonly string[],
  file: string,
): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (dtype !== "int32" || !/(^|\.)classes$/.test(name)) continue;
    const places = data as Int32Array;
    const repeats = Object.hasOwn(tensors, name.replace(/classes$/, "tasks")); // a class of several tasks
    const wrong = places.findIndex(
      (place, at) => place < 0 || place >= classNames.length || (!repeats && place === places[at - 1]),
    );
    if (wrong < 0) continue;
    throw new InputError(
      `${file}: tensor ${name} has class ${places[wrong]} at place ${wrong}, and there are ${classNames.length} class names; the file was changed: take it from the run again`,
    );
  }
}

/** @throws InputError if the model was trained on other weights, where both are known */
export function checkWeights(
  { weights }: Pick<ModelBasis, "weights">,
  backbone: Pick<Backbone, "name" | "sha256">,
  file: string,
): void {
  if (weights === undefined || backbone.sha256 === undefined || weights === backbone.sha256) return;
  const [then, now] = [weights, backbone.sha256].map((digest) => digest.slice(0, 12));
  throw new InputError(
    `${file}: was trained on other weights than ${backbone.name} has (SHA-256 ${then}, here ${now}); give it the backbone that it was trained with: --backbone`,
  );
}
