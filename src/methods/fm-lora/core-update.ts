/** @file One site's update of the core in one task: C + N diag(g) M P. Nothing of it is kept but the sum. */
import { Matrix, SVD } from "ml-matrix";
import type { Parameter } from "../../optim/optimizer.ts";
import { flatten32, matrix } from "../../tensor/linear-algebra.ts";
import type { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { chosenRank, drawGate, type GateDraw, gateGradient, nestedGate } from "./rank-selector.ts";
import { asMatrix, asTensor } from "./subspace.ts";

/** How a core update starts. */
export interface CoreUpdateOptions {
  readonly site: string;
  readonly core: Tensor;
  /** Soft projector away from past inputs. */
  readonly projector: Matrix;
  /** Mean gradient of the core on the new task; its right singular vectors start M. */
  readonly gradient: Matrix;
  readonly rate: number;
  /** Rank choices and the gate's first logits; a single choice switches the selector off. */
  readonly choices: readonly number[];
  readonly logits: Float32Array;
  readonly gateRate: number;
}

/** Trained factors N, M and gate logits of one site. */
export class CoreUpdate {
  readonly #options: CoreUpdateOptions;
  readonly #core: Matrix;
  readonly #n: Float32Array; // [r, r], zero at first: the task starts where the last one ended
  readonly #m: Float32Array; // [r, r]
  readonly #logits: Float32Array;
  #draw: GateDraw | undefined;
  #temperature = 1;

  constructor(options: CoreUpdateOptions) {
    this.#options = options;
    this.#core = asMatrix(options.core);
    const r = this.#core.rows;
    const protectedGradient = options.gradient.mmul(options.projector);
    const start =
      protectedGradient.norm("frobenius") === 0
        ? Matrix.eye(r, r)
        : new SVD(protectedGradient, { autoTranspose: true }).rightSingularVectors.transpose();
    this.#n = new Float32Array(r * r);
    this.#m = flatten32(start); // leading rows: the directions that matter most to this task
    this.#logits = options.logits.slice();
  }

  /** The arrays that move. */
  get parameters(): Parameter[] {
    const { site, rate, gateRate, choices } = this.#options;
    const factors = [
      { name: `${site}.n`, data: this.#n, rate },
      { name: `${site}.m`, data: this.#m, rate },
    ];
    return choices.length === 1
      ? factors
      : [...factors, { name: `${site}.gate`, data: this.#logits, rate: gateRate }];
  }

  /** |G| of the gradient it started from. */
  get gradientNorm(): number {
    return this.#options.gradient.norm("frobenius");
  }

  /** The rank that the gate prefers now. */
  get rank(): number {
    return chosenRank(this.#logits, this.#options.choices);
  }

  /** Core for one training step, with a fresh draw of the gate. */
  sample(temperature: number, rng: Rng): Tensor<"float32"> {
    this.#temperature = temperature;
    this.#draw = drawGate(this.#logits, this.#options.choices, temperature, rng);
    return this.#with(this.#draw.gate);
  }

  /** Core at the end of the task. */
  final(): Tensor<"float32"> {
    return this.#with(nestedGate(this.rank, this.#core.rows));
  }

  /**
   * Gradients of N, M and the logits from G = dL/dC at the last `sample`:
   * dN = G (M P)ᵀ diag(g), dM = diag(g) Nᵀ G Pᵀ, dg_k = (Nᵀ G (M P)ᵀ)_kk.
   */
  pullBack(gradient: Float32Array): Record<string, Float32Array> {
    const { site, projector, choices } = this.#options;
    const r = this.#core.rows;
    const { gate } = this.#draw!;
    const g = matrix(r, r, gradient);
    const n = matrix(r, r, this.#n);
    const onRows = g.mmul(matrix(r, r, this.#m).mmul(projector).transpose()); // G (M P)ᵀ
    const dGate = Array.from({ length: r }, (_, k) => n.getColumnVector(k).dot(onRows.getColumnVector(k)));
    return {
      [`${site}.n`]: flatten32(onRows.mmul(Matrix.diag(gate as number[]))),
      [`${site}.m`]: flatten32(
        Matrix.diag(gate as number[])
          .mmul(n.transpose())
          .mmul(g)
          .mmul(projector.transpose()),
      ),
      [`${site}.gate`]: gateGradient(dGate, this.#draw!, choices, this.#temperature),
    };
  }

  #with(gate: readonly number[]): Tensor<"float32"> {
    const r = this.#core.rows;
    const update = matrix(r, r, this.#n)
      .mmul(Matrix.diag(gate as number[]))
      .mmul(matrix(r, r, this.#m))
      .mmul(this.#options.projector);
    return asTensor(Matrix.add(this.#core, update));
  }
}
