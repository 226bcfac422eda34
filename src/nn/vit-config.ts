/** @file What a Vision Transformer's computation depends on besides its weights. */
import type { Activation } from "./activation.ts";

/** Everything the computation depends on but the weights. */
export interface VitConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly hiddenSize: number;
  readonly mlpSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly layerNormEpsilon: number;
  /** Branches are scaled per channel before they join the residual stream (DINOv2). */
  readonly layerScale: boolean;
  /** Tokens between CLS and the patches: a distillation token, registers. */
  readonly extraTokens?: number;
  /** Of the MLP; "gelu" if it isn't given. */
  readonly activation?: Activation;
  /** fc1 has two halves of mlpSize: activation(first) * second goes into fc2 (SwiGLU). */
  readonly gatedMlp?: boolean;
  /** A layer norm before the first block (CLIP). */
  readonly preNorm?: boolean;
  /** "attention": there is no CLS token, and a learned query that attends to all tokens gives the features (SigLIP). */
  readonly pooling?: "cls" | "attention";
  /** Pixel statistics: the graph takes bytes and normalizes them itself. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Number of patch tokens. @throws if the patch does not divide the image. */
export function patchCount({ imageSize, patchSize }: Pick<VitConfig, "imageSize" | "patchSize">): number {
  if (imageSize % patchSize !== 0)
    throw new Error(`vit: patch ${patchSize} does not divide image ${imageSize}`);
  return (imageSize / patchSize) ** 2;
}

/** Tokens in front of the patches: CLS and the extra ones. */
export function tokensBeforePatches({ pooling, extraTokens = 0 }: VitConfig): number {
  return pooling === "attention" ? 0 : 1 + extraTokens;
}
