/** @file Ridge regression on random features. */
import * as z from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { meanDiagonal, product, ridgeFactor, solveFactored, transposed } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { defineHead } from "./head.ts";
import { type LinearClassifier, linearScores } from "./linear-classifier.ts";
import { chosenRidge, RIDGES } from "./ridge-choice.ts";
import { truncatedSolution } from "./truncated-regression.ts";

const PREFIX = "ranpac.";
/** Share of a task's images that ridges are fitted on; the others judge. */
const FITTED = 0.8;
/** Columns of the Gram matrix that are summed at a time. */
const BLOCK = 128;

/**
 * H = relu(F R), R ~ N(0, 1) [d, M]; G = Σ HᵀH and Q = Σ HᵀY over all tasks; scores are relu(f R) (G + λI)⁻¹ Q. λ is
 * chosen in each task: fitted on 80 % of its images, judged on the others.
 */
export const ranpac = defineHead({
  name: "ranpac",
  summary: "ridge regression on random ReLU features",
  source:
    "McDonnell et al., RanPAC, NeurIPS 2023, arXiv 2307.02251; its spectrum cut as Peng et al., LoRanPAC, ICLR 2025, arXiv 2410.00645, do",
  options: z.object({
    randomFeatures: z
      .number()
      .int()
      .positive()
      .max(16_384)
      .default(2000)
      .describe("random features of ranpac (M; published: 10000); it keeps 4 M² bytes, 16 MB at 2000"),
    regressionRidge: z
      .number()
      .positive()
      .optional()
      .describe("ridge of ranpac's regression (default: of 1e-8 to 1e8 the best on a fifth of each task)"),
    regressionSpectrum: z
      .number()
      .positive()
      .max(1)
      .default(1)
      .describe(
        "share of its spectrum that ranpac's regression uses; below 1 there is no ridge unless one is given (LoRanPAC: 0.75)",
      ),
  }),
  needs: [],
  followsDrift: false,
  create({ width }, { randomFeatures, regressionRidge, regressionSpectrum }) {
    const regression = new RandomRegression(width, randomFeatures, regressionRidge, regressionSpectrum);
    return {
      add: (task) => regression.add(task),
      scores: (features, classCount) => regression.scores(features, classCount),
      tensors: () => regression.tensors(),
      load: (tensors) => regression.load(tensors),
    };
  },
});

/** The sums of a regression on random features, and its solution once somebody asks. */
class RandomRegression {
  readonly #width: number;
  readonly #size: number; // M
  readonly #fixed: number | undefined;
  /** Share of the spectrum. */
  readonly #kept: number;
  #ridge = 1;
  /** Lower triangle of G, row by row: float64, since with fewer images than features rounding would drown small ridges. */
  #gram: Float64Array | undefined;
  #sums = new Map<number, Float64Array>(); // Qᵀ by class, [M] each
  #projection: Float64Array | undefined;
  #solution: LinearClassifier | undefined;

  constructor(width: number, size: number, ridge: number | undefined, kept: number) {
    this.#width = width;
    this.#size = size;
    this.#fixed = ridge ?? (kept < 1 ? 0 : undefined);
    this.#kept = kept;
  }

  add({ features, labels }: LabeledFeatures): void {
    if (labels.length === 0) return;
    const hidden = this.#hidden(features);
    this.#gram ??= new Float64Array((this.#size * (this.#size + 1)) / 2);
    addGram(this.#gram, hidden, this.#size);
    for (const [row, label] of labels.entries()) {
      const sum = this.#sums.get(label) ?? new Float64Array(this.#size);
      for (let i = 0; i < sum.length; i++) sum[i]! += hidden[row * this.#size + i]!;
      this.#sums.set(label, sum);
    }
    this.#ridge = this.#fixed ?? this.#choose(hidden, labels) ?? this.#ridge;
    this.#solution = undefined;
  }

  scores(features: Float32Array, classCount: number): Float32Array {
    this.#solution ??= this.#solve();
    return linearScores(this.#solution, this.#hidden(features), this.#size, classCount);
  }

  tensors(): Record<string, Tensor> {
    if (this.#gram === undefined) return {};
    const classes = [...this.#sums.keys()].sort((a, b) => a - b);
    const sums = new Float64Array(classes.length * this.#size);
    for (const [i, label] of classes.entries()) sums.set(this.#sums.get(label)!, i * this.#size);
    return {
      [`${PREFIX}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${PREFIX}gram`]: tensor("float64", [this.#gram.length], this.#gram.slice()),
      [`${PREFIX}sums`]: tensor("float64", [classes.length, this.#size], sums),
      [`${PREFIX}ridge`]: tensor("float64", [1], Float64Array.of(this.#ridge)),
    };
  }

  load(tensors: Tensors): void {
    const gram = tensors[`${PREFIX}gram`];
    this.#gram = gram === undefined ? undefined : Float64Array.from(gram.data as Float64Array);
    this.#solution = undefined;
    this.#sums = new Map();
    if (gram === undefined) return;
    const sums = tensors[`${PREFIX}sums`]!.data as Float64Array;
    for (const [i, label] of (tensors[`${PREFIX}classes`]!.data as Int32Array).entries())
      this.#sums.set(label, sums.slice(i * this.#size, (i + 1) * this.#size));
    this.#ridge = Number(tensors[`${PREFIX}ridge`]!.data[0]);
  }

  /** relu(F R). [n, d] -> [n, M] */
  #hidden(features: Float32Array): Float64Array {
    if (this.#projection === undefined) {
      const rng = Rng.at("ranpac", this.#width, this.#size);
      this.#projection = Float64Array.from({ length: this.#width * this.#size }, () => rng.normal());
    }
    const hidden = product(features, this.#width, this.#projection, this.#size);
    for (let i = 0; i < hidden.length; i++) if (hidden[i]! < 0) hidden[i] = 0;
    return hidden;
  }

  /** The best ridge for these rows; undefined where there are too few to judge. */
  #choose(hidden: Float64Array, labels: Int32Array): number | undefined {
    const m = this.#size;
    const fitted = Math.floor(FITTED * labels.length);
    if (fitted === 0) return undefined;
    const classes = [...new Set(labels)].sort((a, b) => a - b);
    const order = Rng.at("ranpac", "ridge", labels.length).shuffled([...labels.keys()]);
    const part = (rows: readonly number[]) => {
      const inputs = new Float64Array(rows.length * m);
      const targets = new Float64Array(rows.length * classes.length);
      for (const [i, row] of rows.entries()) {
        inputs.set(hidden.subarray(row * m, (row + 1) * m), i * m);
        targets[i * classes.length + classes.indexOf(labels[row]!)] = 1;
      }
      return { inputs, targets };
    };
    return chosenRidge(part(order.slice(0, fitted)), part(order.slice(fitted)), m, classes.length);
  }

  /** (G + λI)⁻¹ Q, or that on a part of G's spectrum. */
  #solve(): LinearClassifier {
    const classes = [...this.#sums.keys()].sort((a, b) => a - b);
    const none = { classes, weight: new Float64Array(), bias: new Float64Array() };
    if (this.#gram === undefined) return none;
    const m = this.#size;
    const right = new Float64Array(m * classes.length);
    for (const [column, label] of classes.entries())
      for (const [row, value] of this.#sums.get(label)!.entries())
        right[row * classes.length + column] = value;
    const q = classes.length;
    const weight =
      this.#kept < 1
        ? truncatedSolution(wholeOf(this.#gram, m), m, right, q, { kept: this.#kept, ridge: this.#ridge })
        : solveFactored(factorOf(this.#gram, m, this.#ridge), m, right, q);
    return {
      classes,
      weight: transposed(weight, m, classes.length),
      bias: new Float64Array(classes.length),
    };
  }
}

/** Adds HᵀH to a lower triangle that is kept row by row. hidden: [n, m] */
function addGram(gram: Float64Array, hidden: Float64Array, m: number): void {
  const n = hidden.length / m;
  const columns = transposed(hidden, n, m);
  for (let from = 0; from < m; from += BLOCK) {
    const to = Math.min(from + BLOCK, m);
    const right = transposed(columns.subarray(0, to * n), to, n);
    const block = product(columns.subarray(from * n, to * n), n, right, to); // [to − from, to]
    for (let row = from; row < to; row++) {
      const at = (row * (row + 1)) / 2;
      for (let i = 0; i <= row; i++) gram[at + i]! += block[(row - from) * to + i]!;
    }
  }
}

/** L of L Lᵀ = G + λI; where rounding makes that singular, of the next larger λ at which it isn't. */
function factorOf(lower: Float64Array, m: number, ridge: number): Float64Array {
  const whole = wholeOf(lower, m);
  const diagonal = Math.max(meanDiagonal(whole, m), 1e-12);
  for (const larger of [ridge, ...RIDGES.filter((each) => each > ridge)]) {
    try {
      return ridgeFactor(whole, m, larger / diagonal);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
  return ridgeFactor(whole, m, 1);
}

/** Both triangles of G. [m, m] */
function wholeOf(lower: Float64Array, m: number): Float64Array {
  const whole = new Float64Array(m * m);
  for (let row = 0, at = 0; row < m; row++)
    for (let i = 0; i <= row; i++, at++) whole[row * m + i] = whole[i * m + row] = lower[at]!;
  return whole;
}
