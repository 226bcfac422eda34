/** @file The file of a run's model: what it says about itself, and whether its parts fit each other. */
import * as z from "zod";
import { imageSide } from "../../nn/bounds.ts";
import { FLOAT32_PARTS } from "../../nn/precision.ts";
import { currentDescription, FORMAT } from "../../run/former-model.ts";
import { InputError } from "../../tensor/errors.ts";
import { checkFinite } from "../../tensor/finite.ts";
import { decodeSafetensors } from "../../tensor/safetensors.ts";
import type { Tensor } from "../../tensor/tensor.ts";

/** What model.safetensors says about itself under "fm-lora". */
const descriptionSchema = z.looseObject({
  format: z.literal(FORMAT),
  method: z.string(),
  methodOptions: z.record(z.string(), z.unknown()),
  heads: z.array(z.string()).nonempty().optional(),
  drift: z.string().optional(),
  headOptions: z.record(z.string(), z.unknown()).default({}),
  backbone: z.string(),
  weights: z.string().optional(),
  imageSize: imageSide,
  precision: z.enum(["float32", "int8"]).default("float32"),
  float32Parts: z.array(z.enum(FLOAT32_PARTS)).default([]),
  classNames: z.array(z.string()).nonempty(),
  plugins: z.array(z.string()).default([]),
});

/** A model as it lies in its file. */
export interface ModelFile {
  readonly description: z.infer<typeof descriptionSchema>;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * Reads what a run has written.
 * @param file for messages
 * @throws InputError if it is damaged or another program's, or its classes have no names
 */
export function decodeModel(bytes: Uint8Array, file: string): ModelFile {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const description = parseDescription(metadata["fm-lora"], file);
  for (const [name, each] of Object.entries(tensors)) checkFinite(file, name, each);
  checkClasses(tensors, description.classNames, file);
  return { description, tensors };
}

function parseDescription(text: string | undefined, file: string): z.infer<typeof descriptionSchema> {
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
  if (description.format !== FORMAT) {
    throw new InputError(
      `${file}: a model of format ${JSON.stringify(description.format)}, this program reads ${FORMAT}; open it with the version that wrote it`,
    );
  }
  const result = descriptionSchema.safeParse(description);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: its entry "fm-lora": ${issue!.path.join(".")}: ${issue!.message}`);
}

/**
 * Compares tensors with a learner's state before training, which has the names of any later one; only the number of
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

/** The classes in the state are places in the list of names. */
function checkClasses(
  tensors: Readonly<Record<string, Tensor>>,
  classNames: readonly string[],
  file: string,
): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (dtype !== "int32" || !/(^|\.)classes$/.test(name)) continue;
    const places = data as Int32Array;
    const wrong = places.findIndex(
      (place, at) => place < 0 || place >= classNames.length || place === places[at - 1],
    );
    if (wrong < 0) continue;
    throw new InputError(
      `${file}: tensor ${name} has class ${places[wrong]} at place ${wrong}, and there are ${classNames.length} class names; the file was changed: take it from the run again`,
    );
  }
}
