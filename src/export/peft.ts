/** @file A network's low-rank changes and its classifier as an adapter of PEFT. */
import type { HeadClassifier } from "../heads/head.ts";
import type { ServedNetwork } from "../network/served-network.ts";
import type { CheckpointConfig } from "../nn/checkpoint.ts";
import { type LowRankUpdate, stacked, stackedUpdates } from "../nn/low-rank-update.ts";
import { InputError } from "../tensor/errors.ts";
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import { classifierPlace, layerNames, type NamedLayer } from "./library-names.ts";
import { layersOf, placedClassifier } from "./linear-layer.ts";

/** adapter_config.json and the tensors of adapter_model.safetensors. */
export interface PeftAdapter {
  readonly config: object;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/** What PEFT puts before every module's path. */
const ROOT = "base_model.model.";

/**
 * The adapter, with the classifier where the library has a class for one. It has the names of transformers 4 and of
 * transformers 5: each takes its own and leaves the others.
 * @param base the backbone, as its user names it
 * @param subject what is exported, for messages
 * @throws InputError if the network has no low-rank change, or others besides
 */
export function peftAdapter(
  served: ServedNetwork,
  head: HeadClassifier,
  checkpoint: CheckpointConfig,
  base: string,
  subject: string,
): PeftAdapter {
  const updates = stackedUpdates(served.backbone.adapter ?? {}, served.updates);
  const layers = Object.keys(updates);
  const other = served.changed.find((name) => !layers.includes(name.replace(/\.weight$/, "")));
  if (other !== undefined) {
    throw new InputError(
      `${subject}: ${other} is trained itself, and an adapter has low-rank changes only; export to safetensors or onnx`,
    );
  }
  if (layers.length === 0) {
    throw new InputError(
      `${subject} changes nothing in the network, so there is no adapter; export to safetensors or onnx`,
    );
  }
  const modules = new Map<string, LowRankUpdate>();
  for (const [layer, update] of Object.entries(updates)) {
    for (const named of layerNames(checkpoint, layer)) addModule(modules, named, update);
  }
  const rank = Math.min(...[...modules.values()].map(rankOf));
  const others = [...modules].filter(([, update]) => rankOf(update) !== rank);
  const place = classifierPlace(checkpoint);
  const tensors: Record<string, Tensor> = {};
  for (const [path, { a, b }] of modules) {
    tensors[`${ROOT}${path}.lora_A.weight`] = a;
    tensors[`${ROOT}${path}.lora_B.weight`] = b;
  }
  if (place !== undefined) {
    for (const [path, value] of Object.entries(placedClassifier(head, place))) tensors[ROOT + path] = value;
  }
  const ranks = Object.fromEntries(
    others.map(([path, update]) => [path.replaceAll(".", "\\."), rankOf(update)]),
  );
  return {
    config: {
      peft_type: "LORA",
      base_model_name_or_path: base,
      task_type: null,
      inference_mode: true,
      r: rank,
      lora_alpha: rank, // their scale is alpha / r
      rank_pattern: ranks,
      alpha_pattern: ranks,
      target_modules: targets([...modules.keys()]),
      modules_to_save: place === undefined ? null : layersOf(place),
      lora_dropout: 0,
      bias: "none",
      fan_in_fan_out: false,
      use_rslora: false,
      use_dora: false,
      init_lora_weights: true,
    },
    tensors,
  };
}

const rankOf = ({ a }: LowRankUpdate): number => a.dims[0]!;

/** One expression for all modules: as single words, "output.dense" would also be the attention's. */
function targets(paths: readonly string[]): string {
  const patterns = paths.map((path) => path.replaceAll(".", "\\.").replaceAll(/\b\d+\b/g, "\\d+"));
  return [...new Set(patterns)].join("|");
}

function addModule(
  modules: Map<string, LowRankUpdate>,
  { path, part }: NamedLayer,
  update: LowRankUpdate,
): void {
  if (part === undefined) modules.set(path, update);
  else if (part.whole === "ours") modules.set(path, { a: update.a, b: rowsOf(update.b, part) });
  else modules.set(path, stacked(modules.get(path), widened(update, part)));
}

/** The part's rows. */
function rowsOf(
  { dims, data }: Tensor<"float32">,
  { index, of }: { index: number; of: number },
): Tensor<"float32"> {
  const [rows, width] = dims as [number, number];
  const count = rows / of;
  return tensor("float32", [count, width], data.slice(index * count * width, (index + 1) * count * width));
}

/** A change of a part as one of the whole layer: B has rows for all parts, and zeros in those of others. */
function widened(
  { a, b }: LowRankUpdate,
  { index, of }: { readonly index: number; readonly of: number },
): LowRankUpdate {
  const [out, rank] = b.dims as [number, number];
  const lift = zeroTensor([of * out, rank]);
  lift.data.set(b.data, index * out * rank);
  return { a, b: lift };
}
