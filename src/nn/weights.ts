/** @file Graph inputs for frozen weights: made once per graph, by name. */
import { constant, input, type Value } from "../graph/value.ts";
import {
  dynamicQuantize,
  matmul,
  type QuantizedMatrix,
  quantizedLinear,
  quantizedMatmul,
} from "../ops/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { linear } from "./linear.ts";
import { FLOAT32, type Precision } from "./precision.ts";
import { type QuantizedColumns, quantizeColumns, quantizeTransposed } from "./quantize.ts";

/** Prefix of frozen weights among a graph's inputs. */
const PREFIX = "backbone/";

/** Frozen weights as one graph sees them. */
export interface Weights {
  /** Gives the weight of that name and shape as a graph input. */
  (name: string, dims: readonly number[]): Value;
  /** y = x Wᵀ + b of the layer of that name, in its precision. x: [n, in], y: [n, out] */
  linear(x: Value, layer: string, out: number): Value;
}

/**
 * A `Weights` for one graph: the same name gives the same input.
 * @param held feeds that never change, to be stored in the graph: products with 8-bit constants are packed once
 */
export function weightInputs(
  precision: Precision = FLOAT32,
  held: Readonly<Record<string, Tensor>> = {},
): Weights {
  const known = new Map<string, Value>();
  const named = (name: string, dtype: "float32" | "int8", dims: readonly number[]): Value => {
    const fixed = held[PREFIX + name];
    const value = known.get(name) ?? (fixed ? constant(fixed) : input(PREFIX + name, dtype, dims));
    known.set(name, value);
    return value;
  };
  const quantized = (layer: string, way: Way, [inner, columns]: [number, number]): QuantizedMatrix => ({
    values: named(quantizedName(layer, way), "int8", [inner, columns]),
    scale: named(`${quantizedName(layer, way)}/scale`, "float32", [columns]),
  });
  const weights = (name: string, dims: readonly number[]): Value => named(name, "float32", dims);
  return Object.assign(weights, {
    linear(x: Value, layer: string, out: number): Value {
      const width = x.dims[1]!;
      const bias = weights(`${layer}.bias`, [out]);
      if (!precision.forward(layer)) return linear(x, weights(`${layer}.weight`, [out, width]), bias);
      const gradient = (dy: Value): Value =>
        precision.backward(layer)
          ? quantizedMatmul(dynamicQuantize(dy), quantized(layer, "backward", [out, width]))
          : matmul(dy, weights(`${layer}.weight`, [out, width]));
      return quantizedLinear(dynamicQuantize(x), quantized(layer, "forward", [width, out]), bias, gradient);
    },
  });
}

type Way = "forward" | "backward";
const QUANTIZED = ".int8/";
const quantizedName = (layer: string, way: Way): string => `${layer}${QUANTIZED}${way}`;

/** The tensors under the names that graphs ask for, and in 8 bits where the forward pass of `precision` is. */
export function weightFeeds(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision = FLOAT32,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) feeds[PREFIX + name] = weight;
  for (const [layer, weight] of matrices(weights)) {
    if (precision.forward(layer))
      addQuantized(feeds, layer, "forward", quantizeTransposed(weight, precision.largestWeight));
  }
  return feeds;
}

/** All 8-bit weights of a graph with gradients, which may hold them: those of `feeds`, and the backward pass's. */
export function quantizedFeeds(
  feeds: Readonly<Record<string, Tensor>>,
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision,
): Record<string, Tensor> {
  const quantized = Object.fromEntries(Object.entries(feeds).filter(([name]) => name.includes(QUANTIZED)));
  for (const [layer, weight] of matrices(weights)) {
    if (precision.backward(layer))
      addQuantized(quantized, layer, "backward", quantizeColumns(weight, precision.largestWeight));
  }
  return quantized;
}

/** Weights with two axes, by layer. */
function matrices(weights: Readonly<Record<string, Tensor<"float32">>>): [string, Tensor<"float32">][] {
  return Object.entries(weights)
    .filter(([name, { dims }]) => name.endsWith(".weight") && dims.length === 2)
    .map(([name, weight]) => [name.slice(0, -".weight".length), weight]);
}

function addQuantized(
  feeds: Record<string, Tensor>,
  layer: string,
  way: Way,
  { values, scale }: QuantizedColumns,
): void {
  feeds[PREFIX + quantizedName(layer, way)] = values;
  feeds[`${PREFIX}${quantizedName(layer, way)}/scale`] = scale;
}
