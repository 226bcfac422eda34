import { expect, test } from "vitest";
import { float32Data } from "../../src/tensor/tensor.ts";
import { formulaImages } from "./formula.ts";
import { backboneOf, featuresOf, GOLDENS, largestDifference } from "./networks.ts";

test.each(GOLDENS)("features of a small $name equal transformers'", async (golden) => {
  const images = formulaImages(golden.images, golden.preprocessor.size.height);
  const features = float32Data(await featuresOf(backboneOf(golden), images));
  expect(largestDifference(features, golden.features)).toBeLessThan(1e-4);
});
