/** @file What FM-LoRA keeps from task to task about the subspace: its size never changes. */
import { Matrix } from "ml-matrix";
import type { PassResult } from "../../network/feature-pass.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { flatten32, matrix } from "../../tensor/linear-algebra.ts";
import { Rng } from "../../tensor/rng.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";
import { initialBases } from "../parts/low-rank-bases.ts";
import type { TaskTraining } from "../parts/task-training.ts";
import type { CoreUpdates } from "./core-updates.ts";
import { asTensor, canonicalize, moveMoment } from "./subspace.ts";

/** Bases, cores, prompts; moments of past inputs; gradient norms of past tasks. */
export class SharedState {
  readonly sites: readonly string[];
  readonly rank: number;
  #tensors: Record<string, Tensor>;

  private constructor(sites: readonly string[], rank: number, tensors: Record<string, Tensor>) {
    this.sites = sites;
    this.rank = rank;
    this.#tensors = tensors;
  }

  /** The state before the first task. */
  static initial(
    backbone: Backbone,
    options: {
      readonly sites: readonly string[];
      readonly rank: number;
      readonly promptTokens: number;
      readonly seed: number;
    },
  ): SharedState {
    const { sites, rank, promptTokens, seed } = options;
    const tensors: Record<string, Tensor> = {
      trained: tensor("uint8", [1], new Uint8Array(1)),
      ...initialBases(backbone, sites, rank, seed),
    };
    for (const site of sites) {
      tensors[`${site}.core`] = asTensor(Matrix.eye(rank, rank));
      tensors[`${site}.moment`] = zeroTensor([rank, rank]); // Σ h hᵀ over the tokens of past tasks
      tensors[`${site}.tokens`] = tensor("float64", [1], new Float64Array(1));
      tensors[`${site}.gradientNorm`] = tensor("float64", [2], new Float64Array(2)); // sum, count
    }
    if (promptTokens > 0) {
      const width = backbone.config.hiddenSize;
      const rng = Rng.at(seed, "prompts");
      const draw = (): number => 0.02 * rng.normal();
      tensors.prompts = tensor(
        "float32",
        [promptTokens, width],
        Float32Array.from({ length: promptTokens * width }, draw),
      );
    }
    return new SharedState(sites, rank, tensors);
  }

  /** Whether a task has trained the bases. */
  get trained(): boolean {
    return this.#tensors.trained!.data[0] === 1;
  }

  /** What the graphs are fed. */
  get parameters(): Record<string, Tensor> {
    return { ...this.bases, ...this.#named(this.coreNames), ...this.prompts };
  }

  /** A and B of every site. */
  get bases(): Record<string, Tensor> {
    return this.#named(this.sites.flatMap((site) => [`${site}.a`, `${site}.b`]));
  }

  get coreNames(): string[] {
    return this.sites.map((site) => `${site}.core`);
  }

  /** "prompts", if there are any. */
  get prompts(): Record<string, Tensor> {
    return this.#tensors.prompts === undefined ? {} : this.#named(["prompts"]);
  }

  /** E[h hᵀ] over past tasks' tokens; zero before the first. */
  meanMoment(site: string): Matrix {
    const tokens = Number(this.#tensors[`${site}.tokens`]!.data[0]);
    return this.#moment(site).div(Math.max(tokens, 1));
  }

  /** Mean |G| over past tasks at a site; `fallback` where there is none. */
  meanGradientNorm(site: string, fallback: number): number {
    const [sum, count] = this.#tensors[`${site}.gradientNorm`]!.data as Float64Array;
    return count === 0 || sum === 0 ? Math.max(fallback, Number.MIN_VALUE) : sum! / count!;
  }

  /** Takes over what the first task trained, with orthonormal bases. */
  foldFirst(training: TaskTraining): void {
    const next = { ...this.#tensors };
    for (const site of this.sites) {
      const { a, b, core } = canonicalize({
        a: training.value(`${site}.a`),
        b: training.value(`${site}.b`),
        core: this.#tensors[`${site}.core`]!,
      });
      Object.assign(next, { [`${site}.a`]: a, [`${site}.b`]: b, [`${site}.core`]: core });
    }
    for (const name of Object.keys(this.prompts)) next[name] = training.value(name); // nothing to preserve yet
    next.trained = tensor("uint8", [1], Uint8Array.of(1));
    this.#tensors = next;
  }

  /** Takes over what a later task trained. */
  fold(
    training: TaskTraining,
    updates: CoreUpdates,
    options: { readonly basesRate: number; readonly promptStep: number },
  ): void {
    const next = { ...this.#tensors };
    for (const [site, update] of updates.bySite) {
      next[`${site}.core`] = update.final();
      const [sum, count] = this.#tensors[`${site}.gradientNorm`]!.data as Float64Array;
      const norms = Float64Array.of(sum! + update.gradientNorm, count! + 1);
      next[`${site}.gradientNorm`] = tensor("float64", [2], norms);
      if (options.basesRate === 0) continue;
      next[`${site}.a`] = training.value(`${site}.a`);
      next[`${site}.b`] = training.value(`${site}.b`);
      const moved = moveMoment(this.#moment(site), this.#tensors[`${site}.a`]!, next[`${site}.a`]!);
      next[`${site}.moment`] = asTensor(moved);
    }
    for (const [name, start] of Object.entries(this.prompts)) {
      next[name] = towards(start, training.value(name), options.promptStep); // Reptile
    }
    this.#tensors = next;
  }

  /** Adds what a task's inputs did in the subspace. */
  addMoments({ moments, tokens }: Pick<PassResult, "moments" | "tokens">): void {
    const next = { ...this.#tensors };
    for (const [site, moment] of Object.entries(moments)) {
      const sum = this.#moment(site).add(matrix(this.rank, this.rank, moment));
      const count = Number(this.#tensors[`${site}.tokens`]!.data[0]) + tokens[site]!;
      next[`${site}.moment`] = tensor("float32", [this.rank, this.rank], flatten32(sum));
      next[`${site}.tokens`] = tensor("float64", [1], Float64Array.of(count));
    }
    this.#tensors = next;
  }

  /** All of it, for a file. */
  tensors(): Record<string, Tensor> {
    return { ...this.#tensors };
  }

  /** Reads back what `tensors` gave; other names are left alone. */
  load(tensors: Tensors): void {
    this.#tensors = Object.fromEntries(Object.keys(this.#tensors).map((name) => [name, tensors[name]!]));
  }

  #named(names: readonly string[]): Record<string, Tensor> {
    return Object.fromEntries(names.map((name) => [name, this.#tensors[name]!]));
  }

  #moment(site: string): Matrix {
    return matrix(this.rank, this.rank, float32Data(this.#tensors[`${site}.moment`]!));
  }
}

function towards(from: Tensor, to: Tensor, step: number): Tensor {
  const target = float32Data(to);
  return tensor(
    "float32",
    from.dims,
    float32Data(from).map((value, i) => value + step * (target[i]! - value)),
  );
}
