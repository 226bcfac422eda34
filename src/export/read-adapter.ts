/** @file An adapter of PEFT on a backbone: its low-rank changes by our layers. What is no plain LoRA is refused by name. */
import * as z from "zod";
import type { Backbone } from "../nn/checkpoint.ts";
import { type CheckpointConfig, check } from "../nn/checkpoint.ts";
import { InputError } from "../tensor/errors.ts";
import { product } from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { layerNames, type NamedLayer } from "./library-names.ts";

const patterns = z.record(z.string(), z.number()).nullish();
const adapterSchema = z.object({
  peft_type: z.string(),
  base_model_name_or_path: z.string().nullish(),
  r: z.number().int().positive(),
  lora_alpha: z.number(),
  alpha_pattern: patterns,
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
});

/** What adapter_config.json says of the changes. */
export type AdapterConfig = z.infer<typeof adapterSchema>;

/** adapter_config.json, checked. @throws InputError for another kind of adapter, or a field that is missing or wrong */
export function parseAdapterConfig(json: unknown, file: string): AdapterConfig {
  const config = check(adapterSchema, json, file);
  const refuse = (what: string): never => {
    throw new InputError(`${file}: ${what} is not supported; plain LoRA adapters of linear layers are`);
  };
  if (config.peft_type !== "LORA") refuse(`peft_type "${config.peft_type}"`);
  if (config.use_dora === true) refuse("use_dora (DoRA)");
  if (config.fan_in_fan_out === true) refuse("fan_in_fan_out");
  return config;
}

/**
 * The backbone with an adapter merged into its weights, W + s B A with s = alpha / r, or alpha / √r with use_rslora. A
 * merged change may have any rank and be in any layer, and whatever learns on top has its own updates for itself.
 * @param tensors of adapter_model.safetensors; a classifier in it is left out: it is for other classes
 * @throws InputError that names the tensor that isn't a low-rank change of a layer of this backbone
 */
export function withAdapter(
  backbone: Backbone,
  checkpoint: CheckpointConfig,
  config: AdapterConfig,
  tensors: Readonly<Record<string, Tensor>>,
  file: string,
): Backbone {
  const places = layersByPath(checkpoint);
  const changes: (Target & {
    readonly name: string;
    readonly a: Matrix;
    readonly b: Matrix;
    readonly scale: number;
  })[] = [];
  for (const name of Object.keys(tensors).sort()) {
    const path = pathOf(name, file);
    if (path === undefined) continue;
    const [a, b] = ["A", "B"].map((factor) => matrixOf(tensors, name, factor, file)) as [Matrix, Matrix];
    // As in files, or as in a model without a classifier around it.
    const [, found] = [...places].find(([known]) => path === known || known.endsWith(`.${path}`)) ?? [];
    if (found === undefined) {
      throw new InputError(
        `${file}: tensor ${name}: ${backbone.name} has no layer ${path}; the adapter is for another model`,
      );
    }
    const scale = scaleOf(config, path, a.dims[0]!, file);
    changes.push(...found.map((target) => ({ ...target, name, a, b, scale })));
  }
  if (changes.length === 0) {
    throw new InputError(`${file}: has no lora_A and lora_B; there is nothing to start from`);
  }
  // An adapter may have the names of both versions, as ours have: one change by two names.
  const stored = new Set(changes.flatMap(({ layer, asStored }) => (asStored ? [layer] : [])));
  const weights: Record<string, Matrix> = { ...backbone.weights };
  for (const { layer, asStored, part, name, a, b, scale } of changes) {
    const weight = `${layer}.weight`;
    if (!asStored && stored.has(layer)) continue;
    weights[weight] = merged(weights[weight]!, a, b, scale, part, `${file}: tensor ${name}`);
  }
  return { ...backbone, weights };
}

type Matrix = Tensor<"float32">;
/** One of our layers, and whether it is named as in files. */
type Target = Pick<NamedLayer, "part"> & { readonly layer: string; readonly asStored: boolean };

/** Our layers by each of their paths in files and in libraries. */
function layersByPath(checkpoint: CheckpointConfig): Map<string, Target[]> {
  const places = new Map<string, Target[]>();
  for (let block = 0; block < checkpoint.config.layers; block++) {
    for (const name of ["query", "key", "value", "output", "fc1", "fc2"]) {
      const layer = `blocks.${block}.${name}`;
      for (const [i, { path, part }] of layerNames(checkpoint, layer).entries()) {
        const target = { layer, asStored: i === 0, ...(part && { part }) };
        places.set(path, [...(places.get(path) ?? []), target]);
      }
    }
  }
  return places;
}

/** The module's path of a lora_A; undefined for its lora_B and for a classifier. @throws InputError for anything else */
function pathOf(name: string, file: string): string | undefined {
  const path = name.replace(/^base_model\.model\./, "");
  if (/^(classifier|head|head_dist)\.|\.modules_to_save\./.test(path)) return undefined;
  const refuse = (what: string): never => {
    throw new InputError(
      `${file}: tensor ${name} is ${what}, which is not supported; plain LoRA adapters of linear layers are`,
    );
  };
  if (path.includes("lora_magnitude_vector")) refuse("DoRA's");
  if (path.endsWith("base_layer.bias") || path.endsWith(".bias")) refuse("a trained bias");
  const [, module, factor] = /^(.+)\.lora_([AB])(?:\.default)?\.weight$/.exec(path) ?? [];
  if (module === undefined) refuse("no lora_A or lora_B");
  return factor === "A" ? module : undefined;
}

function matrixOf(
  tensors: Readonly<Record<string, Tensor>>,
  name: string,
  factor: string,
  file: string,
): Matrix {
  const own = name.replace(/lora_A(?=(\.default)?\.weight$)/, `lora_${factor}`);
  const found = tensors[own];
  if (found === undefined) throw new InputError(`${file}: tensor ${own} is missing; ${name} is there`);
  if (found.dims.length !== 2) {
    const what = found.dims.length === 4 ? "of a convolution" : "no matrix";
    throw new InputError(
      `${file}: tensor ${own} is ${what} ([${found.dims}]), which is not supported; plain LoRA adapters of linear layers are`,
    );
  }
  return tensor("float32", found.dims, float32Data(found));
}

/** PEFT looks for the first pattern that is the path's end. @throws InputError for a pattern that is none */
function scaleOf(
  { lora_alpha: standard, alpha_pattern: pattern, use_rslora: root }: AdapterConfig,
  path: string,
  rank: number,
  file: string,
): number {
  const fits = (key: string): boolean => {
    try {
      return new RegExp(`^(.*\\.)?(${key})$`).test(path);
    } catch (error) {
      throw new InputError(`${file}: alpha_pattern "${key}" is no regular expression`, { cause: error });
    }
  };
  const [, own] = Object.entries(pattern ?? {}).find(([key]) => fits(key)) ?? [];
  return (own ?? standard) / (root === true ? Math.sqrt(rank) : rank);
}

/** W + s B A; of a part: the part's rows of theirs, or of ours. */
function merged(
  weight: Matrix,
  a: Matrix,
  b: Matrix,
  scale: number,
  part: NamedLayer["part"],
  where: string,
): Matrix {
  const [out, width] = weight.dims as [number, number];
  const [rank, inner] = a.dims as [number, number];
  const rows = part === undefined ? out : part.whole === "theirs" ? out * part.of : out / part.of;
  if (inner !== width || b.dims[0] !== rows || b.dims[1] !== rank) {
    throw new InputError(
      `${where}: [${a.dims}] and [${b.dims}] are no change of a layer [${rows},${width}]; the adapter is for another model`,
    );
  }
  const update = product(b.data, rank, a.data, width); // [rows, width]
  const sum = Float32Array.from(weight.data);
  const count = Math.min(rows, out) * width;
  const from = part?.whole === "theirs" ? part.index * out * width : 0;
  const to = part?.whole === "ours" ? part.index * rows * width : 0;
  for (let i = 0; i < count; i++) sum[to + i] = sum[to + i]! + scale * update[from + i]!;
  return tensor("float32", weight.dims, sum);
}
