/** @file Resizing and cropping inside an ONNX graph, as Pillow does it but for rounding between its two passes. */
import type { Preprocessing } from "../data/dataset.ts";
import type { OnnxBuilder } from "./onnx-builder.ts";

/** Axes of [batch, 3, height, width]. */
const SIDES = [2, 3];

/**
 * Images of any size, 0 to 255, to the network's. [B, 3, H, W] -> [B, 3, size, size]
 * @param pixels name of the value
 */
export function resize(builder: OnnxBuilder, pixels: string, preprocessing: Preprocessing): string {
  const { size, cropFraction, interpolation } = preprocessing;
  const kept = builder.node("Shape", [pixels], { start: 0, end: 2 });
  const sides =
    cropFraction === null
      ? builder.int64([size, size])
      : shorterSide(builder, pixels, Math.floor(size / cropFraction + 1e-6));
  const sizes = builder.node("Concat", [kept, sides], { axis: 0 });
  const kernel =
    interpolation === "bicubic"
      ? { mode: "cubic", cubic_coeff_a: { float: -0.5 }, exclude_outside: 1 }
      : { mode: "linear" };
  const resized = builder.node("Resize", [pixels, "", "", sizes], {
    ...kernel,
    antialias: 1,
    coordinate_transformation_mode: "half_pixel",
  });
  const whole = builder.node("Clip", [
    builder.node("Round", [resized]),
    builder.float(0),
    builder.float(255),
  ]);
  return cropFraction === null ? whole : centerCrop(builder, whole, sides, size);
}

/** Height and width whose shorter one is `length`, the other rounded down. [2] */
function shorterSide(builder: OnnxBuilder, pixels: string, length: number): string {
  const sides = builder.node("Shape", [pixels], { start: 2, end: 4 });
  const shortest = builder.node("ReduceMin", [sides, builder.int64([0])], { keepdims: 1 });
  return builder.node("Div", [builder.node("Mul", [sides, builder.int64([length])]), shortest]);
}

/** The middle, as torchvision cuts it: half of what is left over, halves rounded to even. */
function centerCrop(builder: OnnxBuilder, pixels: string, sides: string, size: number): string {
  const over = builder.node("Sub", [sides, builder.int64([size])]);
  const half = builder.node("Mul", [builder.node("Cast", [over], { to: 1 }), builder.float(0.5)]);
  const starts = builder.node("Cast", [builder.node("Round", [half])], { to: 7 });
  const ends = builder.node("Add", [starts, builder.int64([size])]);
  return builder.node("Slice", [pixels, starts, ends, builder.int64(SIDES)]);
}
