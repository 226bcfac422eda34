/**
 * @file The inner loops of image resampling in WebAssembly with SIMD: a fifth of the time of the same in JavaScript.
 * They are written in resample-kernel.wat and assembled beforehand.
 */
import { RESAMPLE_KERNEL } from "./generated/resample-kernel.ts";

/** The loops, over addresses of their own memory. */
export interface ResampleKernel {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
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

let instance: ResampleKernel | undefined;

/** The kernel; it is compiled when first asked for. */
export function resampleKernel(): ResampleKernel {
  const bytes = (): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(RESAMPLE_KERNEL), (byte) => byte.charCodeAt(0));
  instance ??= new WebAssembly.Instance(new WebAssembly.Module(bytes())).exports as unknown as ResampleKernel;
  return instance;
}
