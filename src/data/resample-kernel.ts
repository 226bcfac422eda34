/** @file The inner loops of image resampling in WebAssembly with SIMD: a fifth of the time of the same in JavaScript. */
import compile from "watr/compile";

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

const rowsFrom = (first: number) => (text: (row: number) => string) =>
  Array.from({ length: GROUP - first }, (_, i) => text(first + i)).join("\n");
const eachRow = rowsFrom(0);
const laterRows = rowsFrom(1);

// Sums are of 32 bits and start at half a unit, as in Pillow; narrowing saturates, which clamps a kernel's overshoot.
// A place in a table is its first byte, its number of weights, and where its weights are.
const TEXT = /* wat */ `(module
  (memory (export "memory") 1)

  ;; Of four rows four bytes at a time: red, green, blue, and one that the next pixel overwrites.
  (func (export "along")
    (param $from i32) (param $stride i32) (param $rows i32) (param $table i32) (param $places i32)
    (param $to i32) (param $pitch i32)
    (local $place i32) (local $end i32) (local $weight i32) (local $last i32) (local $pixel i32)
    (local $factor v128) (local $bytes v128)
    ${eachRow((k) => `(local $at${k} i32) (local $sum${k} v128)`)}
    (local.set $end (i32.add (local.get $table) (i32.mul (local.get $places) (i32.const 12))))
    (loop $group
      (local.set $place (local.get $table))
      (local.set $pixel (local.get $to))
      (loop $next
        (local.set $weight (i32.load offset=8 (local.get $place)))
        (local.set $last (i32.add (local.get $weight) (i32.shl (i32.load offset=4 (local.get $place)) (i32.const 2))))
        (local.set $at0 (i32.add (local.get $from) (i32.load (local.get $place))))
        ${laterRows((k) => `(local.set $at${k} (i32.add (local.get $at${k - 1}) (local.get $stride)))`)}
        ${eachRow((k) => `(local.set $sum${k} (i32x4.splat (i32.const 0x200000)))`)}
        (loop $tap
          (local.set $factor (v128.load32_splat (local.get $weight)))
          ${eachRow(
            (k) => `(local.set $sum${k} (i32x4.add (local.get $sum${k}) (i32x4.mul (local.get $factor)
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at${k})))))))
          (local.set $at${k} (i32.add (local.get $at${k}) (i32.const 3)))`,
          )}
          (br_if $tap (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 4))) (local.get $last))))
        (local.set $bytes (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum0) (i32.const 22)) (i32x4.shr_s (local.get $sum1) (i32.const 22)))
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum2) (i32.const 22)) (i32x4.shr_s (local.get $sum3) (i32.const 22)))))
        (local.set $at0 (local.get $pixel))
        ${laterRows((k) => `(local.set $at${k} (i32.add (local.get $at${k - 1}) (local.get $pitch)))`)}
        ${eachRow((k) => `(v128.store32_lane ${k} (local.get $at${k}) (local.get $bytes))`)}
        (local.set $pixel (i32.add (local.get $pixel) (i32.const 3)))
        (br_if $next (i32.lt_u
          (local.tee $place (i32.add (local.get $place) (i32.const 12))) (local.get $end))))
      (local.set $from (i32.add (local.get $from) (i32.shl (local.get $stride) (i32.const 2))))
      (local.set $to (i32.add (local.get $to) (i32.shl (local.get $pitch) (i32.const 2))))
      (br_if $group (i32.gt_s (local.tee $rows (i32.sub (local.get $rows) (i32.const 4))) (i32.const 0)))))

  ;; Sixteen bytes at a time; what is beyond a row is overwritten by the next one.
  (func (export "across")
    (param $from i32) (param $pitch i32) (param $size i32) (param $table i32) (param $places i32) (param $to i32)
    (local $end i32) (local $byte i32) (local $at i32) (local $weight i32) (local $last i32)
    (local $bytes v128) (local $half v128) (local $factor v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $end (i32.add (local.get $table) (i32.mul (local.get $places) (i32.const 12))))
    (loop $place
      (local.set $last (i32.add
        (i32.load offset=8 (local.get $table)) (i32.shl (i32.load offset=4 (local.get $table)) (i32.const 2))))
      (local.set $byte (i32.const 0))
      (loop $block
        (local.set $at (i32.add (local.get $byte) (i32.add (local.get $from) (i32.load (local.get $table)))))
        (local.set $weight (i32.load offset=8 (local.get $table)))
        (local.set $a (i32x4.splat (i32.const 0x200000)))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (loop $tap
          (local.set $bytes (v128.load (local.get $at)))
          (local.set $factor (v128.load32_splat (local.get $weight)))
          (local.set $half (i16x8.extend_low_i8x16_u (local.get $bytes)))
          (local.set $a (i32x4.add (local.get $a)
            (i32x4.mul (local.get $factor) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $b (i32x4.add (local.get $b)
            (i32x4.mul (local.get $factor) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $half (i16x8.extend_high_i8x16_u (local.get $bytes)))
          (local.set $c (i32x4.add (local.get $c)
            (i32x4.mul (local.get $factor) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $d (i32x4.add (local.get $d)
            (i32x4.mul (local.get $factor) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $at (i32.add (local.get $at) (local.get $pitch)))
          (br_if $tap (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 4))) (local.get $last))))
        (v128.store (i32.add (local.get $to) (local.get $byte)) (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $a) (i32.const 22)) (i32x4.shr_s (local.get $b) (i32.const 22)))
          (i16x8.narrow_i32x4_s (i32x4.shr_s (local.get $c) (i32.const 22)) (i32x4.shr_s (local.get $d) (i32.const 22)))))
        (br_if $block (i32.lt_u
          (local.tee $byte (i32.add (local.get $byte) (i32.const 16))) (local.get $size))))
      (local.set $to (i32.add (local.get $to) (local.get $size)))
      (br_if $place (i32.lt_u
        (local.tee $table (i32.add (local.get $table) (i32.const 12))) (local.get $end)))))
)`;

let instance: ResampleKernel | undefined;

/** The kernel; it is translated and compiled when first asked for. */
export function resampleKernel(): ResampleKernel {
  instance ??= new WebAssembly.Instance(new WebAssembly.Module(compile(TEXT)))
    .exports as unknown as ResampleKernel;
  return instance;
}
