/** @file A training step as one graph, built by hand: a ViT with LoRA on query and value, and a linear head. */
import { backward } from "../../src/autodiff/backward.ts";
import { type Graph, graph } from "../../src/graph/graph.ts";
import { input, type Value } from "../../src/graph/value.ts";
import { linear } from "../../src/nn/linear.ts";
import { crossEntropy } from "../../src/nn/loss.ts";
import { addLowRank, project } from "../../src/nn/low-rank.ts";
import type { Precision } from "../../src/nn/precision.ts";
import { type VitConfig, vitFeatures } from "../../src/nn/vit.ts";
import { type HeldMatrix, weightInputs } from "../../src/nn/weights.ts";

/** What a step depends on but the weights. */
export interface LoraStepOptions {
  readonly config: VitConfig;
  /** Images of one run: a step may be several runs whose gradients add up. */
  readonly batch: number;
  readonly rank: number;
  readonly classes: number;
  readonly precision?: Precision;
  /** 8-bit weights to store in the graph. */
  readonly held?: HeldMatrix;
}

/** Shapes of what is trained: A and B of query and value in every block, and the head. */
export function trainedShapes({
  config,
  rank,
  classes,
}: Omit<LoraStepOptions, "batch">): Record<string, number[]> {
  const width = config.hiddenSize;
  const shapes: Record<string, number[]> = {};
  for (let block = 0; block < config.layers; block++) {
    for (const layer of ["query", "value"]) {
      shapes[`blocks.${block}.${layer}.a`] = [rank, width];
      shapes[`blocks.${block}.${layer}.b`] = [width, rank];
    }
  }
  return { ...shapes, "head.weight": [classes, width], "head.bias": [classes] };
}

/**
 * Graph of one run. Inputs: images, targets (rows weighted by 1 / images of the step), frozen weights and what
 * is trained, by its name. Outputs: loss, and "d " + name of each.
 */
export function loraStep(options: LoraStepOptions): Graph {
  const { config, batch, classes } = options;
  const trained: Record<string, Value> = Object.fromEntries(
    Object.entries(trainedShapes(options)).map(([name, dims]) => [name, input(name, "float32", dims)]),
  );
  const images = input("images", "uint8", [batch, config.imageSize, config.imageSize, 3]);
  const features = vitFeatures(config, weightInputs(options.precision, options.held), images, {
    linear(site, x, y) {
      const a = trained[`${site}.a`];
      if (a === undefined) return y;
      const factors = { a, b: trained[`${site}.b`]! };
      return addLowRank(y, project(x, factors), factors);
    },
  });
  const logits = linear(features, trained["head.weight"]!, trained["head.bias"]!);
  const loss = crossEntropy(logits, input("targets", "float32", [batch, classes]));
  const gradients = backward(loss, Object.values(trained));
  const outputs = Object.keys(trained).map((name, i) => [`d ${name}`, gradients[i]!] as const);
  return graph({ loss, ...Object.fromEntries(outputs) });
}
