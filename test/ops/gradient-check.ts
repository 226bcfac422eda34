/** @file Compares the gradient that `backward` builds with central differences of the forward pass. */
import { backward } from "../../src/autodiff/backward.ts";
import { graph } from "../../src/graph/graph.ts";
import { constant, input, type Value } from "../../src/graph/value.ts";
import { mul, reduceSum } from "../../src/ops/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { type DType, sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";

/** Something to differentiate: named inputs with their shapes, and a function of them. */
export interface Sample {
  readonly name: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly apply: (inputs: Readonly<Record<string, Value>>) => Value;
  /** Where the operator has no float64 kernel on the CPU: a larger step and tolerance. */
  readonly dtype?: "float32" | "float64";
  /** Values are drawn in this range; the default is -2 to 2. */
  readonly range?: readonly [number, number];
}

function random(
  rng: Rng,
  dtype: DType,
  dims: readonly number[],
  [low, high]: readonly [number, number],
): Tensor {
  const values = Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform());
  return dtype === "float64"
    ? tensor("float64", dims, Float64Array.from(values))
    : tensor("float32", dims, Float32Array.from(values));
}

/** Directional derivative of a random projection of the output, per input: [name, by backward, by differences]. */
export async function compareGradients(
  runtime: Runtime,
  sample: Sample,
): Promise<[string, number, number][]> {
  const dtype = sample.dtype ?? "float64";
  const range = sample.range ?? [-2, 2];
  const rng = Rng.at("gradient-check", sample.name);
  const values = Object.fromEntries(
    Object.entries(sample.inputs).map(([name, dims]) => [name, input(name, dtype, dims)]),
  );
  const y = sample.apply(values);
  // A random projection: a plain sum would hide gradients that cancel (softmax rows sum to one).
  const loss = reduceSum(mul(y, constant(random(rng, dtype, y.dims, [-1, 1]))));
  const gradients = backward(loss, Object.values(values));
  const names = Object.keys(values);
  const session = await runtime.compile(
    graph({ loss, ...Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i]!])) }),
  );
  const at = Object.fromEntries(
    Object.entries(sample.inputs).map(([name, dims]) => [name, random(rng, dtype, dims, range)]),
  );
  const base = await session.run(at);
  const step = dtype === "float64" ? 1e-5 : 2e-2;
  const results: [string, number, number][] = [];
  for (const name of names) {
    const direction = random(rng, dtype, at[name]!.dims, [-1, 1]);
    const lossAt = async (t: number): Promise<number> => {
      const data = at[name]!.data.slice() as Float64Array;
      for (let i = 0; i < data.length; i++) data[i]! += t * Number(direction.data[i]);
      return Number((await session.run({ ...at, [name]: { ...at[name]!, data } })).loss!.data[0]);
    };
    const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    const analytic = Array.from(base[`d ${name}`]!.data as Float64Array).reduce(
      (sum, value, i) => sum + value * Number(direction.data[i]),
      0,
    );
    results.push([name, analytic, numeric]);
  }
  await session.dispose();
  return results;
}

/** Whether two directional derivatives agree, at the precision of the type. */
export function agrees(analytic: number, numeric: number, dtype: "float32" | "float64" = "float64"): boolean {
  const tolerance = dtype === "float64" ? 1e-7 : 5e-3;
  return Math.abs(analytic - numeric) <= tolerance * (1 + Math.abs(numeric));
}
