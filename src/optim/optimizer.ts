/** @file Optimizers over named arrays. Their state is tensors, so that a checkpoint can hold it. */
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";

/** One named array that is trained, with its own learning rate. */
export interface Parameter {
  readonly name: string;
  /** Updated in place. */
  readonly data: Float32Array;
  readonly rate: number;
  /** Its own weight decay, instead of the optimizer's. */
  readonly decay?: number;
}

/** Updates parameters from their gradients. */
export interface Optimizer {
  /** One step; `factor` is the schedule's. Every parameter needs a gradient of its length. */
  step(
    parameters: readonly Parameter[],
    gradients: Readonly<Record<string, Float32Array>>,
    factor: number,
  ): void;
  state(): Record<string, Tensor>;
  load(state: Readonly<Record<string, Tensor>>): void;
}

/** Options of `adamw`. */
export interface AdamwOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
  readonly weightDecay?: number;
}

/** AdamW: Loshchilov and Hutter, ICLR 2019, arXiv 1711.05101, with PyTorch's defaults but for weight decay 0. */
export function adamw({
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  weightDecay = 0,
}: AdamwOptions = {}): Optimizer {
  const moments = new MomentStore(["first", "second"]);
  let steps = 0;
  return {
    step(parameters, gradients, factor) {
      steps++;
      const correction1 = 1 - beta1 ** steps;
      const correction2 = Math.sqrt(1 - beta2 ** steps);
      for (const { name, data, rate, decay: ownDecay = weightDecay } of parameters) {
        const gradient = gradients[name]!;
        const [first, second] = moments.of(name, data.length) as [Float32Array, Float32Array];
        const size = (rate * factor) / correction1;
        const decay = 1 - rate * factor * ownDecay;
        for (let i = 0; i < data.length; i++) {
          const g = gradient[i]!;
          const m = beta1 * first[i]! + (1 - beta1) * g;
          const v = beta2 * second[i]! + (1 - beta2) * g * g;
          first[i] = m;
          second[i] = v;
          data[i] = data[i]! * decay - (size * m) / (Math.sqrt(v) / correction2 + epsilon);
        }
      }
    },
    state: () => ({ ...moments.state(), steps: tensor("float64", [1], Float64Array.of(steps)) }),
    load(state) {
      steps = Number(state.steps!.data[0]);
      moments.load(state);
    },
  };
}

/** Options of `sgd`. */
export interface SgdOptions {
  readonly momentum?: number;
  readonly weightDecay?: number;
}

/** Stochastic gradient descent with PyTorch's momentum: v = momentum v + g + decay w; w = w − rate v. */
export function sgd({ momentum = 0.9, weightDecay = 0 }: SgdOptions = {}): Optimizer {
  const moments = new MomentStore(["velocity"]);
  return {
    step(parameters, gradients, factor) {
      for (const { name, data, rate, decay = weightDecay } of parameters) {
        const gradient = gradients[name]!;
        const [velocity] = moments.of(name, data.length) as [Float32Array];
        for (let i = 0; i < data.length; i++) {
          velocity[i] = momentum * velocity[i]! + gradient[i]! + decay * data[i]!;
          data[i]! -= rate * factor * velocity[i]!;
        }
      }
    },
    state: () => moments.state(),
    load: (state) => moments.load(state),
  };
}

/** Running averages by parameter, made at the parameter's first step. */
class MomentStore {
  readonly #kinds: readonly string[];
  #arrays = new Map<string, Float32Array[]>();

  constructor(kinds: readonly string[]) {
    this.#kinds = kinds;
  }

  of(name: string, length: number): Float32Array[] {
    const known = this.#arrays.get(name) ?? this.#kinds.map(() => new Float32Array(length));
    this.#arrays.set(name, known);
    return known;
  }

  state(): Record<string, Tensor> {
    const entries = [...this.#arrays].flatMap(([name, arrays]) =>
      arrays.map(
        (data, i) => [`${this.#kinds[i]}/${name}`, tensor("float32", [data.length], data.slice())] as const,
      ),
    );
    return Object.fromEntries(entries);
  }

  load(state: Readonly<Record<string, Tensor>>): void {
    this.#arrays = new Map();
    for (const [key, value] of Object.entries(state)) {
      const kind = this.#kinds.findIndex((candidate) => key.startsWith(`${candidate}/`));
      if (kind === -1) continue;
      const data = float32Data(value).slice();
      this.of(key.slice(this.#kinds[kind]!.length + 1), data.length)[kind] = data;
    }
  }
}
