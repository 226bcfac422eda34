/** @file All operators. The gradient check walks `ALL_OPS`: an operator that isn't here is not tested, and the suite says so. */
import { geluOp, reluOp } from "./activation.ts";
import { castOp } from "./cast.ts";
import {
  addOp,
  divOp,
  erfOp,
  expOp,
  logOp,
  mulOp,
  negOp,
  sigmoidOp,
  signOp,
  sqrtOp,
  subOp,
  tanhOp,
  unitAffineOp,
} from "./elementwise.ts";
import { gatherOp, oneHotOp, topKOp } from "./indexing.ts";
import { gemmOp, matmulOp, plainMatmulOp } from "./matmul.ts";
import { layerNormOp } from "./normalization.ts";
import { dynamicQuantizeOp, quantizedLinearOp, quantizedMatmulOp } from "./quantized.ts";
import { reduceMaxOp, reduceMeanOp, reduceSumOp } from "./reduce.ts";
import { concatOp, expandOp, padOp, reshapeOp, sliceOp, transposeOp } from "./shape.ts";
import { logSoftmaxOp, softmaxOp } from "./softmax.ts";

export * from "./activation.ts";
export * from "./cast.ts";
export * from "./elementwise.ts";
export * from "./indexing.ts";
export * from "./matmul.ts";
export * from "./normalization.ts";
export * from "./quantized.ts";
export * from "./reduce.ts";
export * from "./shape.ts";
export * from "./softmax.ts";

/** Every operator the engine can emit. */
export const ALL_OPS = [
  addOp,
  castOp,
  concatOp,
  divOp,
  dynamicQuantizeOp,
  erfOp,
  expOp,
  expandOp,
  gatherOp,
  geluOp,
  gemmOp,
  layerNormOp,
  logOp,
  logSoftmaxOp,
  matmulOp,
  mulOp,
  negOp,
  oneHotOp,
  padOp,
  plainMatmulOp,
  quantizedLinearOp,
  quantizedMatmulOp,
  reduceMaxOp,
  reduceMeanOp,
  reduceSumOp,
  reluOp,
  reshapeOp,
  sigmoidOp,
  signOp,
  sliceOp,
  softmaxOp,
  sqrtOp,
  subOp,
  tanhOp,
  topKOp,
  transposeOp,
  unitAffineOp,
] as const;
