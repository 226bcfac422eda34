/**
 * @file Weight selection: a small ViT that starts with a part of a larger one's weights. Xu et al., "Initializing Models
 * with Larger Ones", ICLR 2024, arXiv 2311.18823: the first blocks, and evenly spread channels of each.
 */
import { InputError, optionText } from "../tensor/errors.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import type { Backbone } from "./checkpoint.ts";
import { resizeGrid } from "./positions.ts";
import { patchCount, tokensBeforePatches, type VitConfig } from "./vit.ts";

type Matrix = Tensor<"float32">;
type Places = readonly number[];

/** Which of the teacher's channels, attention channels and hidden units the student has. */
interface Selection {
  readonly channels: Places;
  readonly attention: Places;
  readonly hidden: Places;
}

/**
 * The student's weights, from the teacher's. Layer scales go into the layers before them; patch kernels are resized
 * and scaled so that flat ones keep their sums, and take the change of pixel statistics in.
 * @param teacher loaded with an image size that gives it the student's patch grid, so that its positions fit
 * @throws InputError if the teacher is smaller somewhere, or no ViT with CLS token, GELU and a plain MLP
 */
export function selectWeights(
  teacher: Pick<Backbone, "name" | "config" | "weights">,
  student: VitConfig,
): Record<string, Matrix> {
  const { config: from, weights } = teacher;
  checkLargerVit(teacher, student);
  checkHeads(teacher, student);
  const selection: Selection = {
    channels: spread(from.hiddenSize, student.hiddenSize),
    attention: attentionChannels(from, student),
    hidden: spread(from.mlpSize, student.mlpSize),
  };
  const { channels } = selection;
  const before = tokensBeforePatches(from);
  const places = [0, ...Array.from({ length: patchCount(student) }, (_, patch) => before + patch)];
  const position = { ...weights.position!, dims: [weights.position!.dims[1]!, from.hiddenSize] };
  return {
    cls: shaped(take({ ...weights.cls!, dims: [1, from.hiddenSize] }, [0], channels), [
      1,
      1,
      channels.length,
    ]),
    position: shaped(take(position, places, channels), [1, places.length, channels.length]),
    ...patchLayer(teacher, student, channels),
    ...vectors(weights, "norm", channels),
    ...Object.assign(
      {},
      ...Array.from({ length: student.layers }, (_, block) => blockOf(teacher, block, selection)),
    ),
  };
}

/** @throws InputError if the teacher is smaller somewhere, or no ViT with CLS token, GELU and a plain MLP */
export function checkLargerVit(
  { name, config }: Pick<Backbone, "name" | "config">,
  student: VitConfig,
): void {
  const { activation = "gelu", gatedMlp, preNorm, pooling } = config;
  if (activation !== "gelu" || gatedMlp || preNorm || pooling === "attention") {
    throw new InputError(
      `${name}: weights can be selected from a ViT with a CLS token, GELU and a plain MLP only; give ${optionText("init")} or ${optionText("start", "random")}`,
    );
  }
  const sizes = ["hiddenSize", "mlpSize", "layers", "heads"] as const;
  const small = sizes.find((size) => config[size] < student[size]);
  if (small !== undefined) {
    throw new InputError(
      `${name}: its ${small} is ${config[small]}, the new network's ${student[small]}; weights are selected from a larger network: give ${optionText("init")} or ${optionText("start", "random")}`,
    );
  }
  if (patchCount(config) !== patchCount(student)) {
    throw new Error(`a teacher of ${patchCount(config)} patches against a student of ${patchCount(student)}`);
  }
}

/** @throws InputError if the teacher's heads are narrower */
function checkHeads({ name, config }: Pick<Backbone, "name" | "config">, student: VitConfig): void {
  if (config.hiddenSize / config.heads < student.hiddenSize / student.heads) {
    throw new InputError(
      `${name}: its heads are ${config.hiddenSize / config.heads} wide, the new network's ${student.hiddenSize / student.heads}; choose more ${optionText("heads")}`,
    );
  }
}

/** `wanted` of `count` places, evenly spread. */
const spread = (count: number, wanted: number): number[] =>
  Array.from({ length: wanted }, (_, i) => Math.floor((i * count) / wanted));

/** Whole heads first, then channels of each. */
function attentionChannels(from: VitConfig, to: VitConfig): number[] {
  const width = from.hiddenSize / from.heads;
  const within = spread(width, to.hiddenSize / to.heads);
  return spread(from.heads, to.heads).flatMap((head) => within.map((channel) => head * width + channel));
}

function blockOf(
  { config, weights }: Pick<Backbone, "config" | "weights">,
  block: number,
  { channels, attention, hidden }: Selection,
): Record<string, Matrix> {
  const at = `blocks.${block}`;
  const layer = (name: string, rows: Places, columns: Places, scale?: Matrix): Record<string, Matrix> => ({
    [`${at}.${name}.weight`]: take(rowsScaled(weights[`${at}.${name}.weight`]!, scale), rows, columns),
    [`${at}.${name}.bias`]: pick(rowsScaled(weights[`${at}.${name}.bias`]!, scale), rows),
  });
  const scale = (name: string): Matrix | undefined =>
    config.layerScale ? weights[`${at}.${name}`] : undefined;
  return {
    ...vectors(weights, `${at}.norm1`, channels),
    ...layer("query", attention, channels),
    ...layer("key", attention, channels),
    ...layer("value", attention, channels),
    ...layer("output", channels, attention, scale("scale1")),
    ...vectors(weights, `${at}.norm2`, channels),
    ...layer("fc1", hidden, channels),
    ...layer("fc2", channels, hidden, scale("scale2")),
  };
}

/** Weight and bias of a norm. */
const vectors = (weights: Backbone["weights"], name: string, places: Places): Record<string, Matrix> => ({
  [`${name}.weight`]: pick(weights[`${name}.weight`]!, places),
  [`${name}.bias`]: pick(weights[`${name}.bias`]!, places),
});

/** The patch projection for another patch size and other pixel statistics: W (p − m) / s = W' (p − m') / s' + change. */
function patchLayer(
  { config: from, weights }: Pick<Backbone, "config" | "weights">,
  to: VitConfig,
  channels: Places,
): Record<string, Matrix> {
  const [kernel, bias] = [weights["patch.weight"]!, pick(weights["patch.bias"]!, channels)];
  const [fromLength, length] = [from.patchSize ** 2 * 3, to.patchSize ** 2 * 3];
  const gain = (from.patchSize / to.patchSize) ** 2;
  const rows = new Float32Array(channels.length * length);
  for (const [row, channel] of channels.entries()) {
    const own = kernel.data.subarray(channel * fromLength, (channel + 1) * fromLength);
    const resized =
      from.patchSize === to.patchSize ? own : resizeGrid(own, from.patchSize, to.patchSize, 3, true);
    for (const [i, value] of resized.entries()) {
      const color = i % 3;
      bias.data[row]! += (gain * value * (to.mean[color]! - from.mean[color]!)) / from.std[color]!;
      rows[row * length + i] = (gain * value * to.std[color]!) / from.std[color]!;
    }
  }
  return { "patch.weight": tensor("float32", [channels.length, length], rows), "patch.bias": bias };
}

/** Rows and columns of a matrix. */
function take({ dims, data }: Matrix, rows: Places, columns: Places): Matrix {
  const width = dims[1]!;
  const result = new Float32Array(rows.length * columns.length);
  for (const [r, row] of rows.entries()) {
    for (const [c, column] of columns.entries()) result[r * columns.length + c] = data[row * width + column]!;
  }
  return tensor("float32", [rows.length, columns.length], result);
}

const pick = ({ data }: Matrix, places: Places): Matrix =>
  tensor(
    "float32",
    [places.length],
    Float32Array.from(places, (place) => data[place]!),
  );

const shaped = ({ data }: Matrix, dims: readonly number[]): Matrix => tensor("float32", dims, data);

/** Each row times its number. */
function rowsScaled(values: Matrix, scale: Matrix | undefined): Matrix {
  if (scale === undefined) return values;
  const width = values.data.length / scale.data.length;
  return tensor(
    "float32",
    values.dims,
    values.data.map((value, i) => value * scale.data[Math.floor(i / width)]!),
  );
}
