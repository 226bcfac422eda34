/**
 * @file The inner loops of image resampling in WebAssembly with SIMD: a fifth of the time of the same in JavaScript.
 * They are written in resample-kernel.wat and assembled beforehand.
 */
import { type Kernel, kernelOf } from "../tensor/web-assembly.ts";
import { RESAMPLE_KERNEL } from "./generated/resample-kernel.ts";

/** The loops, over addresses of their own memory. */
export interface ResampleKernel extends Kernel {
  /**
   * RGB rows of `stride` bytes -> RGB rows of `places` pixels, `pitch` bytes apart: a byte more than they have, or more.
   * Reads and writes up to a multiple of `GROUP` rows. `table`: see `Table` in resample.ts.
   */
  along(
    from: number,
    stride: number,
    rows: number,
    table: number,
    places: number,
    to: number,
    pitch: number,
  ): void;
  /** Rows of `size` bytes, `pitch` bytes apart -> `places` rows of `size` bytes, one after the other. */
  across(from: number, pitch: number, size: number, table: number, places: number, to: number): void;
}

/** Rows that are resized along together: they share the weights. As many as a vector of bytes has lanes of a pixel. */
export const GROUP = 4;

/** The kernel. */
export const resampleKernel: () => ResampleKernel = kernelOf<ResampleKernel>(RESAMPLE_KERNEL);
