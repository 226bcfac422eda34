/** @file An adapter of PEFT on a backbone: its low-rank changes by our layers. What is no plain LoRA is refused by name. */
import * as z from "zod";
import type { Backbone } from "../nn/checkpoint.ts";
import { type CheckpointConfig, check } from "../nn/checkpoint.ts";
import { type LowRankUpdate, type LowRankUpdates, stackedUpdates } from "../nn/low-rank-update.ts";
import { InputError } from "../tensor/errors.ts";
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
 * An adapter's changes by our layers, W + s B A with s = alpha / r, or alpha / √r with use_rslora; s is in B. They may
 * have any rank, and be of any layer. Rows of A that change nothing are left out: a fused layer's for its other parts.
 * @param tensors of adapter_model.safetensors; a classifier in it is left out: it is for other classes
 * @throws InputError that names the tensor that isn't a low-rank change of a layer of this backbone
 */
export function adapterUpdates(
  backbone: Pick<Backbone, "name" | "weights">,
  checkpoint: CheckpointConfig,
  config: AdapterConfig,
  tensors: Readonly<Record<string, Tensor>>,
  file: string,
): LowRankUpdates {
  const places = layersByPath(checkpoint);
  const changes: Change[] = [];
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
    const scaled = tensor(
      "float32",
      b.dims,
      b.data.map((value) => scale * value),
    );
    changes.push(...found.map((target) => ({ ...target, name, a, b: scaled })));
  }
  if (changes.length === 0) {
    throw new InputError(`${file}: has no lora_A and lora_B; there is nothing to start from`);
  }
  // An adapter may have the names of both versions, as ours have: one change by two names.
  const stored = new Set(changes.flatMap(({ layer, asStored }) => (asStored ? [layer] : [])));
  let updates: LowRankUpdates = {};
  for (const change of changes) {
    const { layer, asStored } = change;
    if (!asStored && stored.has(layer)) continue;
    const { dims } = backbone.weights[`${layer}.weight`]!;
    updates = stackedUpdates(updates, { [layer]: ownPart(change, dims, `${file}: tensor ${change.name}`) });
  }
  return updates;
}

type Matrix = Tensor<"float32">;
/** One of our layers, and whether it is named as in files. */
type Target = Pick<NamedLayer, "part"> & { readonly layer: string; readonly asStored: boolean };

/** A change as it is in the file, scaled. */
type Change = Target & LowRankUpdate & { readonly name: string };

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

/** The module's path of a lora_A; undefined for its lora_B, a classifier and a pooler, which features don't pass. @throws InputError for anything else */
function pathOf(name: string, file: string): string | undefined {
  const path = name.replace(/^base_model\.model\./, "");
  if (/^(classifier|head|head_dist|(vit\.)?pooler)\.|\.modules_to_save\./.test(path)) return undefined;
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

/** What a change is to our layer of [out, in]: the layer's rows of a fused one's, or a part of its own. */
function ownPart({ a, b, part }: Change, dims: readonly number[], where: string): LowRankUpdate {
  const [out, width] = dims as [number, number];
  const [rank, inner] = a.dims as [number, number];
  const rows = part === undefined ? out : part.whole === "theirs" ? out * part.of : out / part.of;
  if (inner !== width || b.dims[0] !== rows || b.dims[1] !== rank) {
    throw new InputError(
      `${where}: [${a.dims}] and [${b.dims}] are no change of a layer [${rows},${width}]; the adapter is for another model`,
    );
  }
  const own = new Float32Array(out * rank);
  const from = part?.whole === "theirs" ? part.index * out * rank : 0;
  const to = part?.whole === "ours" ? part.index * rows * rank : 0;
  own.set(b.data.subarray(from, from + Math.min(rows, out) * rank), to);
  return withoutIdle({ a, b: tensor("float32", [out, rank], own) });
}

/** Without the rows of A whose column of B is zero; one stays. */
function withoutIdle({ a, b }: LowRankUpdate): LowRankUpdate {
  const [rank, width] = a.dims as [number, number];
  const out = b.dims[0]!;
  const at = Array.from({ length: rank }, (_, k) => k);
  const busy = at.filter((k) => at.length === 1 || b.data.some((value, i) => i % rank === k && value !== 0));
  if (busy.length === rank) return { a, b };
  const kept = busy.length === 0 ? [0] : busy;
  const rows = kept.map((k) => a.data.subarray(k * width, (k + 1) * width));
  return {
    a: tensor("float32", [kept.length, width], Float32Array.from(rows.flatMap((row) => [...row]))),
    b: tensor(
      "float32",
      [out, kept.length],
      Float32Array.from({ length: out * kept.length }, (_, i) => {
        const row = Math.floor(i / kept.length);
        return b.data[row * rank + kept[i % kept.length]!]!;
      }),
    ),
  };
}
