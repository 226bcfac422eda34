/** @file One training step of a small ViT, on a device of the browser. */
import { weightFeeds } from "../../../src/nn/weights.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { float32Data, tensor } from "../../../src/tensor/tensor.ts";
import { tinyBackbone } from "../../../src/testing/index.ts";
import { type WebRuntimeOptions, webRuntime } from "../../../src/web/index.ts";
import { loraStep, trainedShapes } from "../../support/lora-step.ts";

const [BATCH, CLASSES] = [2, 3];

/** Loss and gradients by name, the same numbers on every device but for rounding. */
export async function stepOn(device: WebRuntimeOptions["device"]): Promise<Record<string, number[]>> {
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
  const session = await webRuntime({ device }).compile(loraStep(options));
  const results = await session.run({
    ...weightFeeds(weights),
    ...Object.fromEntries(trained),
    images,
    targets,
  });
  await session.dispose();
  return Object.fromEntries(
    Object.entries(results).map(([name, value]) => [name, Array.from(float32Data(value))]),
  );
}
