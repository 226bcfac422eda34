import { expect, test } from "vitest";
import { float32Data } from "../../src/tensor/tensor.ts";
import { formulaImages } from "./formula.ts";
import { backboneOf, featuresOf, GOLDENS, largestDifference } from "./networks.ts";

test.each(GOLDENS)("features of a small $name equal its library's", async (golden) => {
  const backbone = backboneOf(golden);
  const images = formulaImages(golden.images, backbone.config.imageSize);
  const features = float32Data(await featuresOf(backbone, images));
  const difference = largestDifference(features, golden.features);
  console.log(`${golden.name}: largest difference ${difference.toExponential(1)}`); // docs/backbones.md has these
  expect(difference).toBeLessThan(1e-4);
});
