;; The inner loops of image resampling, over addresses of the module's own memory: see resample-kernel.ts.
;; `npx tsx scripts/assemble.ts` writes generated/resample-kernel.ts from it.
;;
;; Four rows are resized along together: they share the weights. As many as a vector of bytes has lanes of a pixel.
;; Sums are of 32 bits and start at half a unit, as in Pillow; narrowing saturates, which clamps a kernel's overshoot.
;; A place in a table is its first byte, its number of weights, and where its weights are.
(module
  (memory (export "memory") 1)

  ;; Of four rows four bytes at a time: red, green, blue, and one that the next pixel overwrites.
  (func (export "along")
    (param $from i32) (param $stride i32) (param $rows i32) (param $table i32) (param $places i32)
    (param $to i32) (param $pitch i32)
    (local $place i32) (local $end i32) (local $weight i32) (local $last i32) (local $pixel i32)
    (local $factor v128) (local $bytes v128)
    (local $at0 i32) (local $sum0 v128)
    (local $at1 i32) (local $sum1 v128)
    (local $at2 i32) (local $sum2 v128)
    (local $at3 i32) (local $sum3 v128)
    (local.set $end (i32.add (local.get $table) (i32.mul (local.get $places) (i32.const 12))))
    (loop $group
      (local.set $place (local.get $table))
      (local.set $pixel (local.get $to))
      (loop $next
        (local.set $weight (i32.load offset=8 (local.get $place)))
        (local.set $last (i32.add (local.get $weight) (i32.shl (i32.load offset=4 (local.get $place)) (i32.const 2))))
        (local.set $at0 (i32.add (local.get $from) (i32.load (local.get $place))))
        (local.set $at1 (i32.add (local.get $at0) (local.get $stride)))
        (local.set $at2 (i32.add (local.get $at1) (local.get $stride)))
        (local.set $at3 (i32.add (local.get $at2) (local.get $stride)))
        (local.set $sum0 (i32x4.splat (i32.const 0x200000)))
        (local.set $sum1 (i32x4.splat (i32.const 0x200000)))
        (local.set $sum2 (i32x4.splat (i32.const 0x200000)))
        (local.set $sum3 (i32x4.splat (i32.const 0x200000)))
        (loop $tap
          (local.set $factor (v128.load32_splat (local.get $weight)))
          (local.set $sum0 (i32x4.add (local.get $sum0) (i32x4.mul (local.get $factor)
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at0)))))))
          (local.set $at0 (i32.add (local.get $at0) (i32.const 3)))
          (local.set $sum1 (i32x4.add (local.get $sum1) (i32x4.mul (local.get $factor)
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at1)))))))
          (local.set $at1 (i32.add (local.get $at1) (i32.const 3)))
          (local.set $sum2 (i32x4.add (local.get $sum2) (i32x4.mul (local.get $factor)
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at2)))))))
          (local.set $at2 (i32.add (local.get $at2) (i32.const 3)))
          (local.set $sum3 (i32x4.add (local.get $sum3) (i32x4.mul (local.get $factor)
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at3)))))))
          (local.set $at3 (i32.add (local.get $at3) (i32.const 3)))
          (br_if $tap (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 4))) (local.get $last))))
        (local.set $bytes (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum0) (i32.const 22)) (i32x4.shr_s (local.get $sum1) (i32.const 22)))
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum2) (i32.const 22)) (i32x4.shr_s (local.get $sum3) (i32.const 22)))))
        (local.set $at0 (local.get $pixel))
        (local.set $at1 (i32.add (local.get $at0) (local.get $pitch)))
        (local.set $at2 (i32.add (local.get $at1) (local.get $pitch)))
        (local.set $at3 (i32.add (local.get $at2) (local.get $pitch)))
        (v128.store32_lane 0 (local.get $at0) (local.get $bytes))
        (v128.store32_lane 1 (local.get $at1) (local.get $bytes))
        (v128.store32_lane 2 (local.get $at2) (local.get $bytes))
        (v128.store32_lane 3 (local.get $at3) (local.get $bytes))
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
)
