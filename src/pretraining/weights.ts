/** @file The weights of a pre-training: where they start, their running average, and how a state names them. */
import { Rng } from "../tensor/rng.ts";
import { sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";

/** Values by name. */
export type NetworkWeights = Readonly<Record<string, Tensor<"float32">>>;

/** Copies, with `prefix` before their names. */
export function copies(values: NetworkWeights, prefix = ""): Record<string, Tensor<"float32">> {
  return Object.fromEntries(
    Object.entries(values).map(([name, { dims, data }]) => [
      prefix + name,
      tensor("float32", dims, data.slice()),
    ]),
  );
}

/** Exponential moving average of weights: a <- d a + (1 - d) w, with a smaller d in the first steps. */
export class WeightAverage {
  readonly values: NetworkWeights;
  readonly #decay: number;

  constructor(start: NetworkWeights, decay: number) {
    this.values = copies(start);
    this.#decay = decay;
  }

  follow(weights: NetworkWeights, step: number): void {
    const share = 1 - Math.min(this.#decay, (1 + step) / (10 + step)); // where training began is forgotten soon
    for (const [name, { data }] of Object.entries(this.values)) {
      const now = weights[name]!.data;
      for (let i = 0; i < data.length; i++) data[i]! += share * (now[i]! - data[i]!);
    }
  }
}

/**
 * Copies of `start`. What it lacks: matrices, tokens and positions are narrow normals, norms and scales 1, biases 0,
 * and the layers after the features 0, so that their first steps don't disturb the network.
 */
export function initialParameters(
  shapes: Readonly<Record<string, readonly number[]>>,
  start: NetworkWeights,
  seed: number,
): Record<string, Tensor<"float32">> {
  const entries = Object.entries(shapes).map(([name, dims]) => {
    const known = start[name];
    if (known !== undefined && known.dims.join() !== dims.join()) {
      throw new Error(`pretraining: ${name} starts as [${known.dims}], the network has [${dims}]`);
    }
    const data = known === undefined ? drawn(name, dims, seed) : known.data.slice();
    return [name, tensor("float32", dims, data)] as const;
  });
  return Object.fromEntries(entries);
}

function drawn(name: string, dims: readonly number[], seed: number): Float32Array {
  const size = sizeOf(dims);
  if (/^(head|teacherMap)\./.test(name)) return new Float32Array(size);
  if (dims.length > 1) {
    const rng = Rng.at(seed, "pretraining", "start", name);
    return Float32Array.from({ length: size }, () => 0.02 * rng.normal());
  }
  return new Float32Array(size).fill(name.endsWith(".bias") ? 0 : 1);
}
