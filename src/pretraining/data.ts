/** @file What a pre-training reads: decoded images, labels, and what the teacher says of them. */
import type { Preprocessing, View } from "../data/dataset.ts";
import { placement } from "../data/placement.ts";
import { place } from "../data/resample.ts";

/** Images that are decoded already, all size x size, and their labels. */
export interface DecodedImages {
  readonly count: number;
  readonly labels: Int32Array; // [count]
  /** RGB rows of one image. [size, size, 3] */
  read(index: number): Uint8Array;
}

/** What the teacher says of the training images. */
export interface TeacherView {
  readonly width: number;
  /** Features, standardised over the training images. [count, width] */
  readonly features: Float32Array;
  /** Its probabilities for one image, from a linear head on the features. */
  predict(index: number): Float32Array;
}

/** Everything that a pre-training learns from. */
export interface PretrainingData {
  readonly train: DecodedImages;
  readonly validation: DecodedImages;
  readonly teacher: TeacherView | null;
}

/** A random view of a decoded image, of the same size. */
export function viewOf(pixels: Uint8Array, preprocessing: Preprocessing, view: View | null): Uint8Array {
  if (view === null) return pixels;
  const { size, interpolation } = preprocessing;
  const placed = placement(size, size, { ...preprocessing, cropFraction: null }, view);
  return place({ width: size, height: size, data: pixels }, placed, { interpolation, flip: view.flip });
}
