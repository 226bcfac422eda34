/** @file One training step of a small ViT, on any runtime. */
import { weightFeeds } from "../../src/nn/weights.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, tensor } from "../../src/tensor/tensor.ts";
import { tinyBackbone } from "../../src/testing/index.ts";
import { loraStep, trainedShapes } from "./lora-step.ts";

const [BATCH, CLASSES] = [2, 3];

/** Loss and gradients by name, the same numbers on every device but for rounding. */
export async function stepOn(runtime: Runtime): Promise<Record<string, number[]>> {
  const { config, weights } = tinyBackbone();
  const rng = Rng.at("a step");
  const drawn = (dims: readonly number[]) =>
    tensor(
      "float32",
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => 0.1 * rng.normal()),
    );
  const options = { config, batch: BATCH, rank: 2, classes: CLASSES };
  const trained = Object.entries(trainedShapes(options)).map(([name, dims]) => [name, drawn(dims)] as const);
  const pixels = BATCH * config.imageSize ** 2 * 3;
  const images = tensor(
    "uint8",
    [BATCH, config.imageSize, config.imageSize, 3],
    Uint8Array.from({ length: pixels }, () => rng.below(256)),
  );
  const targets = tensor("float32", [BATCH, CLASSES], Float32Array.of(0.5, 0, 0, 0, 0, 0.5));
  const unchanging = weightFeeds(weights);
  const session = await runtime.compile(loraStep(options), { unchanging });
  const feeds = { ...unchanging, ...Object.fromEntries(trained), images, targets };
  await session.run(feeds);
  const results = await session.run(feeds); // what a device holds serves every run
  await session.dispose();
  return Object.fromEntries(
    Object.entries(results).map(([name, value]) => [name, Array.from(float32Data(value))]),
  );
}

/** Largest difference, as a share of the largest number. */
export function difference(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) throw new Error(`${found.length} numbers, not ${expected.length}`);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...found.map((value, i) => Math.abs(value - expected[i]!))) / largest;
}
