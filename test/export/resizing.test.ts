/** @file Resizing inside an ONNX graph, against the resizing that models are trained with. */
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { placement } from "../../src/data/placement.ts";
import { place } from "../../src/data/resample.ts";
import { OnnxBuilder } from "../../src/export/onnx-builder.ts";
import { resize } from "../../src/export/resizing.ts";
import { disableTelemetry } from "../../src/node/runtime/no-telemetry.ts";
import { Rng } from "../../src/tensor/rng.ts";

const SIZE = 32;

/** An image of smooth waves and some noise, [height, width, 3]. */
function image(width: number, height: number): Uint8Array {
  const rng = Rng.at("resizing", width, height);
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    return 128 + 80 * Math.sin(x / 5 + c) * Math.cos(y / 9) + 30 * rng.normal();
  });
}

async function byGraph(
  data: Uint8Array,
  width: number,
  height: number,
  how: Preprocessing,
): Promise<Float32Array> {
  disableTelemetry();
  const builder = new OnnxBuilder();
  builder.node("Identity", [resize(builder, "pixels", how)], {}, ["resized"]);
  const model = builder.model(
    [{ name: "pixels", dims: ["batch", 3, "height", "width"] }],
    [{ name: "resized", dims: ["batch", 3, SIZE, SIZE] }],
    "",
  );
  const session = await InferenceSession.create(model);
  const pixels = new Float32Array(data.length);
  for (const [i, byte] of data.entries()) pixels[(i % 3) * width * height + Math.floor(i / 3)] = byte;
  const { resized } = await session.run({ pixels: new OrtTensor("float32", pixels, [1, 3, height, width]) });
  await session.release();
  return resized!.data as Float32Array;
}

const standard: Preprocessing = {
  size: SIZE,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
  cropFraction: null,
};

test.each([
  ["bicubic, smaller", 100, 75, {}],
  ["bicubic, larger", 20, 25, {}],
  ["bicubic, as it is", SIZE, SIZE, {}],
  ["bilinear, smaller", 90, 133, { interpolation: "bilinear" as const }],
  ["cropped, wide", 120, 70, { cropFraction: 0.9 }],
  ["cropped, tall, bilinear", 51, 140, { cropFraction: 0.875, interpolation: "bilinear" as const }],
])("%s: within rounding of ours", async (name, width, height, changes) => {
  const how = { ...standard, ...changes };
  const data = image(width, height);
  const ours = place({ width, height, data }, placement(width, height, how, null), { ...how, flip: false });
  const theirs = await byGraph(data, width, height, how);
  let [sum, largest] = [0, 0];
  for (const [i, byte] of ours.entries()) {
    const difference = Math.abs(byte - theirs[(i % 3) * SIZE * SIZE + Math.floor(i / 3)]!);
    sum += difference;
    largest = Math.max(largest, difference);
  }
  console.log(`${name}: ${(sum / ours.length).toFixed(3)} of 255 in the mean, ${largest} at most`);
  expect(sum / ours.length).toBeLessThan(0.5); // an intermediate rounding of ours
  expect(largest).toBeLessThanOrEqual(8);
});
