/** @file Frozen weights as graphs have them: inputs, made once per graph by name, or 8-bit constants. */
import { constant, describe, input, type Value } from "../graph/value.ts";
import {
  dynamicQuantize,
  matmul,
  type QuantizedMatrix,
  quantizedLinear,
  quantizedMatmul,
} from "../ops/index.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { linear } from "./linear.ts";
import { FLOAT32, type Precision } from "./precision.ts";
import { type QuantizedColumns, quantizeColumns, quantizeTransposed } from "./quantize.ts";

/** Prefix of frozen weights among a graph's inputs. */
const PREFIX = "backbone/";

/** A product with a matrix, or the gradient of one. */
export type Way = "forward" | "backward";

/** A layer's matrix in 8 bits, for a graph to hold; undefined where the graph is fed with it. */
export type HeldMatrix = (layer: string, way: Way) => QuantizedColumns | undefined;

/** Frozen weights as one graph sees them. */
export interface Weights {
  /** Gives the weight of that name and shape as a graph input. */
  (name: string, dims: readonly number[]): Value;
  /** y = x Wᵀ + b of the layer of that name, in its precision. x: [n, in], y: [n, out], bias: [out], its own if absent */
  linear(x: Value, layer: string, out: number, bias?: Value): Value;
}

/**
 * A `Weights` for one graph: the same name gives the same input.
 * @param held 8-bit matrices to be stored in the graph: they are packed for products once, not at every run
 */
export function weightInputs(precision: Precision = FLOAT32, held: HeldMatrix = () => undefined): Weights {
  const known = new Map<string, Value>();
  const once = (name: string, make: () => Value): Value => {
    const value = known.get(name) ?? make();
    known.set(name, value);
    return value;
  };
  const quantized = (layer: string, way: Way, [inner, columns]: [number, number]): QuantizedMatrix => {
    const name = quantizedName(layer, way);
    const fixed = held(layer, way);
    return {
      values: once(name, () => (fixed ? constant(fixed.values) : input(name, "int8", [inner, columns]))),
      scale: once(`${name}/scale`, () =>
        fixed ? constant(fixed.scale) : input(`${name}/scale`, "float32", [columns]),
      ),
    };
  };
  const weights = (name: string, dims: readonly number[]): Value =>
    once(PREFIX + name, () => input(PREFIX + name, "float32", dims));
  return Object.assign(weights, {
    linear(x: Value, layer: string, out: number, bias = weights(`${layer}.bias`, [out])): Value {
      const width = x.dims[1]!;
      if (!precision.forward(layer)) return linear(x, weights(`${layer}.weight`, [out, width]), bias);
      const gradient = (dy: Value): Value =>
        precision.backward(layer)
          ? quantizedMatmul(dynamicQuantize(dy), quantized(layer, "backward", [out, width]))
          : matmul(dy, weights(`${layer}.weight`, [out, width]));
      return quantizedLinear(dynamicQuantize(x), quantized(layer, "forward", [width, out]), bias, gradient);
    },
  });
}

/** Frozen weights as constants of one graph. */
export function fixedWeights(values: Readonly<Record<string, Tensor<"float32">>>): Weights {
  const known = new Map<string, Value>();
  const weights = (name: string, dims: readonly number[]): Value => {
    const { data } = values[name]!;
    const value = known.get(name) ?? constant(tensor("float32", dims, data));
    known.set(name, value);
    return value;
  };
  return plainWeights(weights);
}

/** A `Weights` whose products are those of the values themselves, whatever gives them. */
export function plainWeights(weights: (name: string, dims: readonly number[]) => Value): Weights {
  return Object.assign(weights, {
    linear: (x: Value, layer: string, out: number, bias?: Value): Value =>
      linear(x, weights(`${layer}.weight`, [out, x.dims[1]!]), bias ?? weights(`${layer}.bias`, [out])),
  });
}

/**
 * A `Weights` where a method has values of its own: trained weights, or frozen ones with something added. A layer with
 * a matrix of its own is computed in float32, all others in their precision.
 * @param own the value of that name and shape, the same one when asked again; undefined for the frozen one
 */
export function withOwnWeights(
  frozen: Weights,
  own: (name: string, dims: readonly number[]) => Value | undefined,
): Weights {
  const fitting = (name: string, dims: readonly number[]): Value | undefined => {
    const value = own(name, dims);
    if (value !== undefined && describe(value) !== describe({ dtype: "float32", dims })) {
      const wanted = describe({ dtype: "float32", dims });
      throw new Error(`weights: the own value of ${name} is ${describe(value)}; it must be ${wanted}`);
    }
    return value;
  };
  const weights = (name: string, dims: readonly number[]): Value => fitting(name, dims) ?? frozen(name, dims);
  return Object.assign(weights, {
    linear(x: Value, layer: string, out: number, bias = fitting(`${layer}.bias`, [out])): Value {
      const weight = fitting(`${layer}.weight`, [out, x.dims[1]!]);
      if (weight === undefined) return frozen.linear(x, layer, out, bias);
      return linear(x, weight, bias ?? frozen(`${layer}.bias`, [out]));
    },
  });
}

const quantizedName = (layer: string, way: Way): string => `${PREFIX}${layer}.int8/${way}`;

/** The tensors that graphs are fed with, under the names they ask for; all but the matrices that are only used in 8 bits. */
export function weightFeeds(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision = FLOAT32,
  except: readonly string[] = [],
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    if (except.includes(name)) continue;
    const layer = matrixOf(name, weight);
    if (layer !== undefined && precision.forward(layer) && precision.backward(layer)) continue;
    feeds[PREFIX + name] = tensor("float32", weight.dims, weight.data); // read from its file, where it lies there
  }
  return feeds;
}

/** The layer whose matrix it is. */
function matrixOf(name: string, { dims }: Tensor): string | undefined {
  return dims.length === 2 && name.endsWith(".weight") ? name.slice(0, -".weight".length) : undefined;
}

/** Feeds for the 8-bit matrices that a graph doesn't hold, of the forward pass. */
export function quantizedFeeds(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    const layer = matrixOf(name, weight);
    if (layer === undefined || !precision.forward(layer)) continue;
    const { values, scale } = quantizeTransposed(weight, precision.largestWeight);
    feeds[quantizedName(layer, "forward")] = values;
    feeds[`${quantizedName(layer, "forward")}/scale`] = scale;
  }
  return feeds;
}

/**
 * All matrices for graphs to hold. They are rounded when somebody asks for their numbers, as the runtime does once, and
 * are not kept: of all 8-bit weights only one is in memory besides those that the runtime has packed.
 */
export function quantizedMatrices(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision,
): HeldMatrix {
  let last: { readonly name: string; readonly rounded: QuantizedColumns } | undefined; // its scale is asked for, too
  const rounded = (layer: string, way: Way): QuantizedColumns => {
    const name = quantizedName(layer, way);
    if (last?.name !== name) {
      const round = way === "forward" ? quantizeTransposed : quantizeColumns;
      last = { name, rounded: round(weights[`${layer}.weight`]!, precision.largestWeight) };
    }
    return last.rounded;
  };
  return (layer, way) => {
    const [out, width] = weights[`${layer}.weight`]!.dims as [number, number];
    const [inner, columns] = way === "forward" ? [width, out] : [out, width];
    return {
      values: {
        dtype: "int8",
        dims: [inner, columns],
        get data() {
          return rounded(layer, way).values.data;
        },
      },
      scale: {
        dtype: "float32",
        dims: [columns],
        get data() {
          return rounded(layer, way).scale.data;
        },
      },
    };
  };
}
