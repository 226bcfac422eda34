/** @file Teacher and student side by side on some images: the tokens of both as they go through the blocks. */
import { type Graph, graph } from "../../graph/graph.ts";
import { constant, input, type Value } from "../../graph/value.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { patchCount, tokensBeforePatches, type VitConfig } from "../../nn/vit.ts";
import { concat, layerNorm, matmul, reshape, slice } from "../../ops/index.ts";
import type { Runtime, Tensors } from "../../runtime/runtime.ts";
import { filledTensor, type Tensor, tensor } from "../../tensor/tensor.ts";
import { ColumnMoments, columnMoments } from "./column-moments.ts";

/** How many patches CLS counts for: the features are its own. */
const CLS_WEIGHT = 8;

/** A network to come near to. */
export type Teacher = Pick<Backbone, "name" | "config" | "weights">;

/** The same images at the two networks' sizes: uint8 [n, size, size, 3], n equal in all batches. */
export interface ImagePair {
  readonly teacher: Tensor<"uint8">;
  readonly student: Tensor<"uint8">;
}

/** What a regression needs besides the networks. */
export interface RegressionWork {
  readonly batches: readonly ImagePair[];
  readonly runtime: Runtime;
  /** Half blocks done, of all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Both networks' tokens. "Rows" are the tokens that both have, CLS and the patches, of a batch: [n, width]. */
export class Pair {
  readonly teacher: Teacher;
  readonly student: VitConfig;
  /** Rows of a batch. */
  readonly rowCount: number;
  /** Inputs of graphs, of the teacher and of the student: images, and tokens after the last half block. */
  readonly images: readonly [Value, Value];
  readonly tokens: readonly [Value, Value];
  readonly #work: RegressionWork;
  readonly #perBatch: number; // images of a batch
  readonly #before: number; // the teacher's tokens before its patches
  #teacherTokens: readonly Tensor[] = [];
  #studentTokens: readonly Tensor[] = [];

  constructor(teacher: Teacher, student: VitConfig, work: RegressionWork) {
    const [first] = work.batches;
    const patches = patchCount(student);
    this.teacher = teacher;
    this.student = student;
    this.#work = work;
    this.#perBatch = first!.student.dims[0]!;
    this.#before = tokensBeforePatches(teacher.config);
    this.rowCount = this.#perBatch * (1 + patches);
    this.images = [
      input("teacher", "uint8", first!.teacher.dims),
      input("student", "uint8", first!.student.dims),
    ];
    this.tokens = [
      input("teacher", "float32", [this.#perBatch, this.#before + patches, teacher.config.hiddenSize]),
      input("student", "float32", [this.#perBatch, 1 + patches, student.hiddenSize]),
    ];
  }

  /** The teacher's tokens that the student has, too. [B, T, d] */
  aligned(tokens: Value): Value {
    if (this.#before === 1) return tokens;
    return concat([slice(tokens, 1, 0, 1), slice(tokens, 1, this.#before, tokens.dims[1]!)], 1);
  }

  /** What has the teacher's tokens as leading axes -> rows, [n, width] */
  rows(values: Value, width: number): Value {
    const { dims } = this.tokens[0];
    return reshape(this.aligned(reshape(values, [dims[0]!, dims[1]!, width])), [this.rowCount, width]);
  }

  /** Weight of each row, [n, 1]. */
  rowWeights(): Value {
    const weights = filledTensor([this.rowCount, 1], 1);
    for (let at = 0; at < this.rowCount; at += this.rowCount / this.#perBatch) weights.data[at] = CLS_WEIGHT;
    return constant(weights);
  }

  /** Runs a graph of `images` on every batch, or on every n-th. */
  async showImages(
    outputs: Readonly<Record<string, Value>>,
    onResults: (results: Tensors) => void,
    every = 1,
  ): Promise<void> {
    const shown = this.#work.batches.filter((_, index) => index % every === 0);
    await this.#each(
      graph(outputs),
      shown.map(({ teacher, student }) => ({ teacher, student })),
      onResults,
    );
  }

  /** Runs a graph of `tokens` on every batch. */
  async showTokens(
    outputs: Readonly<Record<string, Value>>,
    onResults: (results: Tensors) => void,
  ): Promise<void> {
    const inputs = this.#studentTokens.map((student, i) => ({ student, teacher: this.#teacherTokens[i]! }));
    await this.#each(graph(outputs), inputs, onResults);
  }

  /** The teacher takes a step, given by its tokens after it; the graph may have other outputs. */
  async advanceTeacher(
    from: "images" | "tokens",
    { after, ...others }: Readonly<Record<string, Value>> & { readonly after: Value },
    onResults: (results: Tensors) => void,
  ): Promise<void> {
    const next: Tensor[] = [];
    await this.#show(from, { after, ...others }, (results) => {
      next.push(results.after!);
      onResults(results);
    });
    this.#teacherTokens = next;
  }

  /**
   * The student takes a step.
   * @param clsOnly its next norm is of CLS alone
   * @returns of what that norm scales and shifts
   */
  async advanceStudent(from: "images" | "tokens", after: Value, clsOnly = false): Promise<ColumnMoments> {
    const { hiddenSize, layerNormEpsilon } = this.student;
    const rows = clsOnly
      ? reshape(slice(after, 1, 0, 1), [this.#perBatch, hiddenSize])
      : reshape(after, [this.rowCount, hiddenSize]);
    const weights = clsOnly ? constant(filledTensor([this.#perBatch, 1], 1)) : this.rowWeights();
    const normed = plainNorm(rows, layerNormEpsilon);
    const norm = new ColumnMoments("norm", hiddenSize);
    const next: Tensor[] = [];
    await this.#show(from, { after, ...columnMoments("norm", normed, weights) }, (results) => {
      next.push(results.after!);
      norm.add(results);
    });
    this.#studentTokens = next;
    return norm;
  }

  #show(
    from: "images" | "tokens",
    outputs: Readonly<Record<string, Value>>,
    onResults: (results: Tensors) => void,
  ): Promise<void> {
    return from === "images" ? this.showImages(outputs, onResults) : this.showTokens(outputs, onResults);
  }

  async #each(of: Graph, inputs: readonly Tensors[], onResults: (results: Tensors) => void): Promise<void> {
    const session = await this.#work.runtime.compile(of);
    const wanted = [...of.inputs.keys()];
    try {
      for (const all of inputs) {
        this.#work.signal?.throwIfAborted();
        onResults(await session.run(Object.fromEntries(wanted.map((name) => [name, all[name]!]))));
      }
    } finally {
      await session.dispose();
    }
  }
}

/** A layer norm over the last axis without scale and shift. */
export function plainNorm(x: Value, epsilon: number): Value {
  const [one, zero] = [1, 0].map((value) => constant(filledTensor([x.dims.at(-1)!], value)));
  return layerNorm(x, one!, zero!, epsilon);
}

/** Rows of the teacher's stream, in the student's. [n, from] -> [n, to] */
export const narrowed = (rows: Value, narrowing: Float32Array): Value =>
  matmul(rows, constant(tensor("float32", [rows.dims[1]!, narrowing.length / rows.dims[1]!], narrowing)));
