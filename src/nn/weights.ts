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

/** The tensors under the names that graphs ask for, and in 8 bits where `precision` says so. */
export function weightFeeds(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  precision: Precision = FLOAT32,
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    feeds[PREFIX + name] = weight;
    const layer = name.replace(/\.weight$/, "");
    if (layer === name || weight.dims.length !== 2) continue;
    const add = (way: Way, { values, scale }: QuantizedColumns): void => {
      feeds[PREFIX + quantizedName(layer, way)] = values;
      feeds[`${PREFIX}${quantizedName(layer, way)}/scale`] = scale;
    };
    const { largestWeight } = precision;
    if (precision.forward(layer)) add("forward", quantizeTransposed(weight, largestWeight));
    if (precision.backward(layer)) add("backward", quantizeColumns(weight, largestWeight));
  }
  return feeds;
}

/** Those of the feeds that are in 8 bits, with their scales: for graphs that hold them. */
export function quantizedFeeds(feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(feeds).filter(([name]) => name.includes(QUANTIZED)));
}
