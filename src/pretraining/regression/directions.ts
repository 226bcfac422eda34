/** @file Which directions of a teacher's residual stream a narrower network keeps. */
import { EigenvalueDecomposition } from "ml-matrix";
import type { Value } from "../../graph/value.ts";
import { attentionHalf, mlpHalf } from "../../nn/blocks.ts";
import { embed } from "../../nn/embedding.ts";
import { fixedWeights } from "../../nn/weights.ts";
import { add, matmul, mul, scale } from "../../ops/index.ts";
import { matrix } from "../../tensor/linear-algebra.ts";
import { float32Data } from "../../tensor/tensor.ts";
import { addTo } from "./affine-fit.ts";
import { type Pair, plainNorm } from "./pair.ts";

/** How many of the others the last half block counts for: the features are what it leaves. */
const LAST_WEIGHT = 6;

/** The narrowing for what the teacher's blocks make of every second batch: it needs fewer images than the weights. */
export async function narrowingOf(pair: Pair): Promise<Float32Array> {
  const { teacher, student, images } = pair;
  const { config } = teacher;
  const fixed = fixedWeights(teacher.weights);
  let tokens = embed(config, fixed, images[0]);
  let covariance = covarianceOf(tokens, pair);
  for (let block = 0; block < student.layers; block++) {
    tokens = attentionHalf(config, fixed, {}, block, tokens);
    covariance = add(covariance, covarianceOf(tokens, pair));
    tokens = mlpHalf(config, fixed, {}, block, tokens);
    const weight = block === student.layers - 1 ? LAST_WEIGHT : 1;
    covariance = add(covariance, scale(covarianceOf(tokens, pair), weight));
  }
  const sum = new Float64Array(config.hiddenSize ** 2);
  await pair.showImages({ covariance }, (results) => addTo(sum, float32Data(results.covariance!)), 2);
  return narrowing(sum, config.hiddenSize, student.hiddenSize);
}

/** Of the teacher's tokens without their mean, at length 1 per channel. [B, T, d] -> [d, d] */
function covarianceOf(tokens: Value, pair: Pair): Value {
  const { hiddenSize, layerNormEpsilon } = pair.teacher.config;
  const rows = pair.rows(plainNorm(tokens, layerNormEpsilon), hiddenSize);
  return matmul(mul(rows, pair.rowWeights()), rows, { transposeA: true });
}

/**
 * The map from the teacher's residual stream to a narrower one that a layer norm treats alike (ours, after Ashkboos
 * et al., "SliceGPT", ICLR 2024): a layer norm takes the mean away and divides by the length, so on streams of mean
 * zero it commutes with rotations. The first width - 1 principal directions, turned into the vectors of mean zero.
 * @param covariance of normalized tokens of mean zero, [from, from]
 * @returns orthonormal columns times a rotation, [from, width]; a stream's mean is lost, as in a layer norm
 */
export function narrowing(covariance: Float64Array, from: number, width: number): Float32Array {
  const { eigenvectorMatrix: vectors } = new EigenvalueDecomposition(matrix(from, from, covariance), {
    assumeSymmetric: true,
  }); // the largest eigenvalue is the last
  const result = new Float32Array(from * width);
  for (let kept = 0; kept < width - 1; kept++) {
    const place = meanZeroDirection(kept, width);
    for (let row = 0; row < from; row++) {
      const value = vectors.get(row, from - 1 - kept);
      for (let column = 0; column < width; column++) result[row * width + column]! += value * place[column]!;
    }
  }
  return result;
}

/**
 * The i-th of width - 1 orthonormal vectors of mean zero, each near a unit vector, so that large channels stay apart:
 * the Householder reflection that takes the last unit vector to the flat one, applied to the i-th.
 */
function meanZeroDirection(i: number, width: number): Float64Array {
  const flat = 1 / Math.sqrt(width);
  const squared = 2 - 2 * flat; // |u|² of u = flat vector - last unit vector
  const u = (at: number): number => flat - Number(at === width - 1);
  return Float64Array.from(
    { length: width },
    (_, column) => Number(column === i) - (2 * u(i) * u(column)) / squared,
  );
}
