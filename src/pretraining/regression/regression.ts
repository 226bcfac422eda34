/**
 * @file A small ViT that starts as the closest it can be to a larger one (ours): its residual stream is the teacher's in
 * the principal directions, and layer by layer least squares finds the weights that best continue what it has so far
 * made of some images towards what the teacher makes of them. No gradient, no label.
 */
import { constant, type Value } from "../../graph/value.ts";
import { attentionHalf, mlpHalf } from "../../nn/blocks.ts";
import { embed } from "../../nn/embedding.ts";
import { patchCount, type VitConfig, type VitHooks } from "../../nn/vit.ts";
import { checkLargerVit } from "../../nn/weight-selection.ts";
import { fixedWeights, type Weights } from "../../nn/weights.ts";
import { concat, gelu, layerNorm, reshape, slice, sub } from "../../ops/index.ts";
import { InputError } from "../../tensor/errors.ts";
import { product } from "../../tensor/linear-algebra.ts";
import { filledTensor, type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";
import { AffineFit, type AffineLayer, moments, range } from "./affine-fit.ts";
import { bestHeads, strongestUnits, writtenLengths } from "./choice.ts";
import { ColumnMoments, columnMoments } from "./column-moments.ts";
import { narrowingOf } from "./directions.ts";
import { withEvenWriters } from "./even-writers.ts";
import { narrowed, Pair, type RegressionWork, type Teacher } from "./pair.ts";

/**
 * The student's weights that bring its tokens nearest to the teacher's.
 * @param teacher loaded with an image size that gives it the student's patch grid
 * @param student as wide as the teacher or narrower, with heads as wide as the teacher's
 * @throws InputError if the teacher is smaller somewhere, of another kind, or its heads are of another width
 */
export async function regressWeights(
  teacher: Teacher,
  student: VitConfig,
  work: RegressionWork,
): Promise<Record<string, Tensor<"float32">>> {
  checkTeacher(teacher, student);
  const pair = new Pair(teacher, student, work);
  const regression = new Regression(pair, await narrowingOf(pair));
  const total = 2 * student.layers + 1;
  await regression.embed();
  for (let block = 0; block < student.layers; block++) {
    work.onProgress?.(2 * block + 1, total);
    await regression.attention(block);
    work.onProgress?.(2 * block + 2, total);
    await regression.mlp(block);
  }
  work.onProgress?.(total, total);
  return withEvenWriters(regression.finish(), student.layers);
}

/** @throws InputError as `regressWeights` says */
export function checkTeacher(teacher: Teacher, student: VitConfig): void {
  checkLargerVit(teacher, student);
  const [theirs, ours] = [teacher.config, student].map(({ hiddenSize, heads }) => hiddenSize / heads);
  if (theirs !== ours) {
    throw new InputError(
      `${teacher.name}: its heads are ${theirs} wide, the new network's ${ours}; choose --width and --heads for the same, or --start selection`,
    );
  }
}

/** A part of the student's block: its tokens after it. */
type Half = (hooks: VitHooks) => Value;

class Regression {
  readonly #pair: Pair;
  readonly #narrowing: Float32Array; // [their width, ours]
  readonly #weights: Record<string, Tensor<"float32">> = {};
  /** Of the layer norm that comes next. */
  #norm: ColumnMoments;

  constructor(pair: Pair, narrowing: Float32Array) {
    this.#pair = pair;
    this.#narrowing = narrowing;
    this.#norm = new ColumnMoments("norm", pair.student.hiddenSize);
  }

  /** CLS and positions are the teacher's; the patch projection is fitted to its, whatever size its patches have. */
  async embed(): Promise<void> {
    const { teacher, student, images } = this.#pair;
    const { config, weights } = teacher;
    const patches = patchCount(student);
    const before = weights.position!.dims[1]! - patches;
    const position = this.#narrow(weights.position!);
    this.#weights.cls = this.#narrow(weights.cls!);
    this.#weights.position = tensor(
      "float32",
      [1, 1 + patches, student.hiddenSize],
      Float32Array.of(
        ...position.data.subarray(0, student.hiddenSize),
        ...position.data.subarray(before * student.hiddenSize),
      ),
    );
    const width = 3 * student.patchSize ** 2;
    this.#blank("patch", student.hiddenSize, width);

    const after = embed(config, fixedWeights(weights), images[0]);
    const placed = this.#pair.aligned(sub(after, constant(weights.position!)));
    const rows = placed.dims[0]! * patches;
    const target = narrowed(
      reshape(slice(placed, 1, 1, 1 + patches), [rows, config.hiddenSize]),
      this.#narrowing,
    );
    const fit = new AffineFit("patch", width, student.hiddenSize);
    const outputs = moments("patch", this.#patchRows(), target, constant(filledTensor([rows, 1], 1)));
    await this.#pair.advanceTeacher("images", { after, ...outputs }, (results) => fit.add(results));
    this.#set("patch", fit.solve());
    this.#norm = await this.#pair.advanceStudent("images", embed(student, this.#fixed(), images[1]));
  }

  /** Query, key and value of the heads that tell most of what the teacher's attention does, then the output layer. */
  async attention(block: number): Promise<void> {
    const { teacher, student, tokens } = this.#pair;
    const { config, weights } = teacher;
    const at = `blocks.${block}`;
    const width = config.hiddenSize;
    for (const name of ["query", "key", "value", "output"]) {
      this.#blank(`${at}.${name}`, student.hiddenSize, student.hiddenSize);
    }
    this.#set(`${at}.norm1`, this.#norm.whitening());
    const { hooks, rowsOf } = this.#watch(at);
    const after = attentionHalf(config, fixedWeights(weights), hooks, block, tokens[0]);
    const readings = concat([concat([rowsOf("query").y, rowsOf("key").y], 1), rowsOf("value").y], 1);
    const change = narrowed(this.#pair.rows(sub(after, tokens[0]), width), this.#narrowing);
    const rowWeights = this.#pair.rowWeights();
    const outputs = {
      after,
      ...moments("readers", this.#normed(`${at}.norm1`), readings, rowWeights),
      ...moments("mixing", rowsOf("output").x, change, rowWeights),
    };
    const readers = new AffineFit("readers", student.hiddenSize, 3 * width);
    const mixing = new AffineFit("mixing", width, student.hiddenSize);
    await this.#pair.advanceTeacher("tokens", outputs, (results) => {
      readers.add(results);
      mixing.add(results);
    });
    const columns = bestHeads(mixing, config.heads, width / config.heads, student.heads);
    for (const [index, name] of ["query", "key", "value"].entries()) {
      const chosen = columns.map((column) => index * width + column);
      this.#set(`${at}.${name}`, readers.solve(range(student.hiddenSize), chosen));
    }
    const half: Half = (hooks) => attentionHalf(student, this.#fixed(), hooks, block, tokens[1]);
    await this.#fitWriter(`${at}.output`, student.hiddenSize, half);
    this.#norm = await this.#pair.advanceStudent("tokens", half({}));
  }

  /** The hidden units that move the residual stream most, then the second layer. */
  async mlp(block: number): Promise<void> {
    const { teacher, student, tokens } = this.#pair;
    const { config, weights } = teacher;
    const at = `blocks.${block}`;
    this.#blank(`${at}.fc1`, student.mlpSize, student.hiddenSize);
    this.#blank(`${at}.fc2`, student.hiddenSize, student.mlpSize);
    this.#set(`${at}.norm2`, this.#norm.whitening());
    const { hooks, rowsOf } = this.#watch(at);
    const after = mlpHalf(config, fixedWeights(weights), hooks, block, tokens[0]);
    const hidden = rowsOf("fc1").y;
    const rowWeights = this.#pair.rowWeights();
    const outputs = {
      after,
      ...moments("fc1", this.#normed(`${at}.norm2`), hidden, rowWeights),
      ...columnMoments("hidden", gelu(hidden), rowWeights),
    };
    const first = new AffineFit("fc1", student.hiddenSize, config.mlpSize);
    const active = new ColumnMoments("hidden", config.mlpSize);
    await this.#pair.advanceTeacher("tokens", outputs, (results) => {
      first.add(results);
      active.add(results);
    });
    const layerScale = config.layerScale ? weights[`${at}.scale2`]! : undefined;
    const written = writtenLengths(weights[`${at}.fc2.weight`]!, layerScale, this.#narrowing);
    const units = strongestUnits(active.deviations(), written, student.mlpSize);
    this.#set(`${at}.fc1`, first.solve(range(student.hiddenSize), units));
    const half: Half = (hooks) => mlpHalf(student, this.#fixed(), hooks, block, tokens[1]);
    await this.#fitWriter(`${at}.fc2`, student.mlpSize, half);
    this.#norm = await this.#pair.advanceStudent("tokens", half({}), block === student.layers - 1);
  }

  /** The weights, once all blocks are done. */
  finish(): Readonly<Record<string, Tensor<"float32">>> {
    this.#set("norm", this.#norm.whitening());
    return this.#weights;
  }

  /** The layer that brings the student's stream nearest to the teacher's, errors of earlier layers included. */
  async #fitWriter(layer: string, inputs: number, half: Half): Promise<void> {
    const { teacher, student, tokens, rowCount } = this.#pair;
    let x: Value | undefined;
    half({
      linear(site, seen, y) {
        if (site === layer) x = seen;
        return y;
      },
    });
    const target = narrowed(this.#pair.rows(tokens[0], teacher.config.hiddenSize), this.#narrowing);
    const missing = sub(target, reshape(tokens[1], [rowCount, student.hiddenSize]));
    const fit = new AffineFit("writer", inputs, student.hiddenSize);
    const outputs = moments("writer", x!, missing, this.#pair.rowWeights());
    await this.#pair.showTokens(outputs, (results) => fit.add(results));
    this.#set(layer, fit.solve());
  }

  /** Hooks that remember what the linear layers of one of the teacher's blocks read (x) and say (y), as rows. */
  #watch(at: string) {
    const seen = new Map<string, { readonly x: Value; readonly y: Value }>();
    const linear = (site: string, x: Value, y: Value): Value => {
      const rows = (values: Value): Value => this.#pair.rows(values, values.dims[1]!);
      seen.set(site.slice(at.length + 1), { x: rows(x), y: rows(y) });
      return y;
    };
    return { hooks: { linear }, rowsOf: (name: string) => seen.get(name)! };
  }

  /** What the student's patch projection reads, [n, patch² · 3]. */
  #patchRows(): Value {
    const { student, images } = this.#pair;
    const fixed = this.#fixed();
    let rows: Value | undefined;
    const watched: Weights = Object.assign((name: string, dims: readonly number[]) => fixed(name, dims), {
      linear(x: Value, layer: string, out: number): Value {
        rows = x;
        return fixed.linear(x, layer, out);
      },
    });
    embed(student, watched, images[1]);
    return rows!;
  }

  /** The student's rows after one of its norms, [n, d]. */
  #normed(name: string): Value {
    const { student, tokens, rowCount } = this.#pair;
    const [weight, bias] = ["weight", "bias"].map((part) => constant(this.#weights[`${name}.${part}`]!));
    const normed = layerNorm(tokens[1], weight!, bias!, student.layerNormEpsilon);
    return reshape(normed, [rowCount, student.hiddenSize]);
  }

  /** Vectors of the teacher's stream, in the student's. */
  #narrow({ dims, data }: Tensor<"float32">): Tensor<"float32"> {
    const { teacher, student } = this.#pair;
    const values = product(data, teacher.config.hiddenSize, this.#narrowing, student.hiddenSize);
    return tensor("float32", [...dims.slice(0, -1), student.hiddenSize], Float32Array.from(values));
  }

  /** The student so far. */
  #fixed(): Weights {
    return fixedWeights(this.#weights);
  }

  /** A layer that is still to be found. */
  #blank(name: string, out: number, inputs: number): void {
    this.#set(name, { weight: zeroTensor([out, inputs]), bias: zeroTensor([out]) });
  }

  #set(name: string, { weight, bias }: AffineLayer): void {
    this.#weights[`${name}.weight`] = weight;
    this.#weights[`${name}.bias`] = bias;
  }
}
