/** @file The model of a run that was never run: drawn values, so that exports need no training. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AnyHead } from "../../src/heads/index.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { REGISTRY } from "../../src/node/runs/registry.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { DEFAULT_OPTIMIZATION } from "../../src/optim/index.ts";
import { FORMAT } from "../../src/run/former-model.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { ContinualModel } from "../../src/train/model.ts";

/** What the model is. */
export interface FinishedModel {
  /** Folder of its backbone. */
  readonly backbone: string;
  readonly method: string;
  readonly methodOptions?: Readonly<Record<string, unknown>>;
  readonly heads?: readonly string[];
  readonly precision?: "float32" | "int8";
  readonly imageSize?: number;
}

/** Classes of every such model; the third has not been seen. */
const CLASS_NAMES = ["ant", "bee", "cow", "dog", "elk"];
const SEEN = [0, 1, 3, 4];

/** Writes model/ of a run into `folder` and returns it. */
export async function writeFinishedModel(folder: string, finished: FinishedModel): Promise<string> {
  const { methodOptions = {}, heads = ["lda", "rows", "ncm"], imageSize } = finished;
  const backbone = loadBackbone(finished.backbone, { imageSize });
  const method = REGISTRY.methods.find(({ name }) => name === finished.method)!;
  const own = heads.map((name) => REGISTRY.heads.find((head) => head.name === name) as AnyHead);
  const { DRIFTS } = await import("../../src/heads/index.ts");
  const runtime = nodeRuntime({ threads: 1 });
  const context = { backbone, runtime, seed: 1, microBatch: 1, optimization: DEFAULT_OPTIMIZATION };
  const model = new ContinualModel(context, {
    method,
    methodOptions: method.options.parse(methodOptions) as Record<string, unknown>,
    heads: own,
    drift: DRIFTS.find(({ name }) => name === "none")!,
    headOptions: {},
  });
  const { width } = model.learner;
  const rng = Rng.at("finished model", finished.method);
  const state: Record<string, Tensor> = Object.fromEntries(
    Object.entries(model.learner.state()).map(([name, value]) => [name, drawn(value, rng)]),
  );
  if (model.learner.classify !== undefined) {
    state["head.classes"] = tensor("int32", [SEEN.length], Int32Array.from(SEEN));
    state["head.weight"] = drawn(
      tensor("float32", [SEEN.length, width], new Float32Array(SEEN.length * width)),
      rng,
    );
    state["head.bias"] = drawn(tensor("float32", [SEEN.length], new Float32Array(SEEN.length)), rng);
  }
  const count = 12 * SEEN.length;
  const labels = Int32Array.from({ length: count }, (_, i) => SEEN[i % SEEN.length]!);
  const means = Array.from(CLASS_NAMES, () => Float32Array.from({ length: width }, () => rng.normal()));
  const features = Float32Array.from(
    { length: count * width },
    (_, i) => means[labels[Math.floor(i / width)]!]![i % width]! + 0.5 * rng.normal(),
  );
  model.heads.update({ features, labels }, undefined);
  const description = {
    format: FORMAT,
    method: finished.method,
    methodOptions,
    heads,
    drift: "none",
    backbone: finished.backbone,
    imageSize: backbone.config.imageSize,
    precision: finished.precision ?? "float32",
    classNames: CLASS_NAMES,
  };
  mkdirSync(join(folder, "model"), { recursive: true });
  const bytes = encodeSafetensors(
    { ...state, ...model.heads.tensors() },
    { "fm-lora": JSON.stringify(description) },
  );
  writeFileSync(join(folder, "model", "model.safetensors"), bytes);
  await model.dispose();
  return folder;
}

/** Numbers that matter, of the size that trained ones have; counts and flags stay. */
function drawn(value: Tensor, rng: Rng): Tensor {
  if (!(value.data instanceof Float32Array)) return value;
  const deviation = value.dims.length < 2 ? 0.3 : 1.2 / Math.sqrt(value.dims.at(-1)!);
  return tensor(
    "float32",
    value.dims,
    Float32Array.from(value.data, () => deviation * rng.normal()),
  );
}
