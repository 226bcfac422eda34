/** @file The file of a model, a run's or a learner's: what it says about itself, and whether its parts fit each other. */
import * as z from "zod";
import { FLOAT32_PARTS } from "../nn/precision.ts";
import { currentDescription, FORMAT } from "../run/former-model.ts";
import { InputError } from "../tensor/errors.ts";
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
  imageSize: z.number().int().positive(),
  precision: z.enum(["float32", "int8"]).default("float32"),
  float32Parts: z.array(z.enum(FLOAT32_PARTS)).default([]),
  plugins: z.array(z.string()).default([]),
  /** Fixes what a learner draws. */
  seed: z.number().int().nonnegative().default(1993),
});

/** What model.safetensors says about itself under "fm-lora". */
const descriptionSchema = basisSchema.extend({
  classNames: z.array(z.string()).nonempty(),
  learner: recordSchema.optional(),
});

/** What a model is made of, whatever it has learnt. */
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
  return { tensors, description: parseDescription(metadata[ENTRY], file) };
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
  for (const [name, { dims }] of Object.entries(untrained)) {
    const found = tensors[name];
    if (found === undefined) {
      throw new InputError(`${file}: tensor ${name} is missing; the model and its backbone don't fit`);
    }
    if (found.dims.length !== dims.length || found.dims.at(-1) !== dims.at(-1)) {
      if (dims.length < 2) continue; // one number a class
      throw new InputError(
        `${file}: tensor ${name} is [${found.dims}], the backbone makes it [${dims}]; the model was trained on another one`,
      );
    }
  }
}
