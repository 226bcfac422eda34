;; The inner loops of dense linear algebra in float64, over addresses of the module's own memory: see linear-kernel.ts.
;; `npx tsx scripts/assemble.ts` writes generated/linear-kernel.ts from it.
;;
;; Lanes are columns, and every sum runs in the order in which one would write it down: results are those of plain
;; loops to the last bit.
(module
  (memory (export "memory") 1)

  ;; Rows [rows, p] times columns [p, q] -> [rows, q], for rows and columns in fours: `panel` has room for p times four
  ;; numbers, a few columns one after the other, so that all rows find them in the first-level cache.
  (func (export "product")
    (param $left i32) (param $rows i32) (param $p i32) (param $right i32) (param $q i32) (param $panel i32) (param $to i32)
    (local $pitch i32) (local $column i32)
    (local.set $pitch (i32.shl (local.get $q) (i32.const 3)))
    (loop $next
      (call $pack (local.get $p) (i32.add (local.get $right) (local.get $column)) (local.get $pitch) (local.get $panel))
      (call $rows (local.get $left) (local.get $rows) (local.get $p) (local.get $panel)
        (i32.add (local.get $to) (local.get $column)) (local.get $pitch))
      (br_if $next (i32.lt_u
        (local.tee $column (i32.add (local.get $column) (i32.const 32))) (local.get $pitch)))))

  (func $pack (param $p i32) (param $from i32) (param $pitch i32) (param $panel i32)
    (loop $next
      (v128.store (local.get $panel) (v128.load (local.get $from)))
      (v128.store offset=16 (local.get $panel) (v128.load offset=16 (local.get $from)))
      (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
      (local.set $from (i32.add (local.get $from) (local.get $pitch)))
      (br_if $next (local.tee $p (i32.sub (local.get $p) (i32.const 1))))))

  ;; Rows [rows, p] times a panel [p, 4] -> four numbers a row, `pitch` bytes apart. Four rows at a time share the panel.
  (func $rows
    (param $left i32) (param $rows i32) (param $p i32) (param $panel i32) (param $to i32) (param $pitch i32)
    (local $stride i32) (local $at i32) (local $end i32)
    (local $a0 i32) (local $a1 i32) (local $a2 i32) (local $a3 i32)
    (local $y v128) (local $z v128) (local $f v128)
    (local $s0 v128) (local $t0 v128) (local $s1 v128) (local $t1 v128)
    (local $s2 v128) (local $t2 v128) (local $s3 v128) (local $t3 v128)
    (local.set $stride (i32.shl (local.get $p) (i32.const 3)))
    (local.set $end (i32.add (local.get $panel) (i32.shl (local.get $p) (i32.const 5))))
    (loop $group
      (local.set $at (local.get $panel))
      (local.set $a0 (local.get $left))
      (local.set $a1 (i32.add (local.get $a0) (local.get $stride)))
      (local.set $a2 (i32.add (local.get $a1) (local.get $stride)))
      (local.set $a3 (i32.add (local.get $a2) (local.get $stride)))
      (local.set $s0 (f64x2.splat (f64.const 0)))
      (local.set $t0 (local.get $s0)) (local.set $s1 (local.get $s0)) (local.set $t1 (local.get $s0))
      (local.set $s2 (local.get $s0)) (local.set $t2 (local.get $s0))
      (local.set $s3 (local.get $s0)) (local.set $t3 (local.get $s0))
      (loop $next
        (local.set $y (v128.load (local.get $at)))
        (local.set $z (v128.load offset=16 (local.get $at)))
        (local.set $f (v128.load64_splat (local.get $a0)))
        (local.set $s0 (f64x2.add (local.get $s0) (f64x2.mul (local.get $f) (local.get $y))))
        (local.set $t0 (f64x2.add (local.get $t0) (f64x2.mul (local.get $f) (local.get $z))))
        (local.set $f (v128.load64_splat (local.get $a1)))
        (local.set $s1 (f64x2.add (local.get $s1) (f64x2.mul (local.get $f) (local.get $y))))
        (local.set $t1 (f64x2.add (local.get $t1) (f64x2.mul (local.get $f) (local.get $z))))
        (local.set $f (v128.load64_splat (local.get $a2)))
        (local.set $s2 (f64x2.add (local.get $s2) (f64x2.mul (local.get $f) (local.get $y))))
        (local.set $t2 (f64x2.add (local.get $t2) (f64x2.mul (local.get $f) (local.get $z))))
        (local.set $f (v128.load64_splat (local.get $a3)))
        (local.set $s3 (f64x2.add (local.get $s3) (f64x2.mul (local.get $f) (local.get $y))))
        (local.set $t3 (f64x2.add (local.get $t3) (f64x2.mul (local.get $f) (local.get $z))))
        (local.set $a0 (i32.add (local.get $a0) (i32.const 8)))
        (local.set $a1 (i32.add (local.get $a1) (i32.const 8)))
        (local.set $a2 (i32.add (local.get $a2) (i32.const 8)))
        (local.set $a3 (i32.add (local.get $a3) (i32.const 8)))
        (br_if $next (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))
      (v128.store (local.get $to) (local.get $s0))
      (v128.store offset=16 (local.get $to) (local.get $t0))
      (local.set $to (i32.add (local.get $to) (local.get $pitch)))
      (v128.store (local.get $to) (local.get $s1))
      (v128.store offset=16 (local.get $to) (local.get $t1))
      (local.set $to (i32.add (local.get $to) (local.get $pitch)))
      (v128.store (local.get $to) (local.get $s2))
      (v128.store offset=16 (local.get $to) (local.get $t2))
      (local.set $to (i32.add (local.get $to) (local.get $pitch)))
      (v128.store (local.get $to) (local.get $s3))
      (v128.store offset=16 (local.get $to) (local.get $t3))
      (local.set $to (i32.add (local.get $to) (local.get $pitch)))
      (local.set $left (i32.add (local.get $left) (i32.shl (local.get $stride) (i32.const 2))))
      (br_if $group (i32.gt_s (local.tee $rows (i32.sub (local.get $rows) (i32.const 4))) (i32.const 0)))))

  ;; L X = R in place, for a lower triangle L [d, d] and a panel X [d, 8] whose rows before `first` are zero.
  (func (export "forward") (param $lower i32) (param $d i32) (param $x i32) (param $first i32)
    (local $row i32) (local $factor i32) (local $at i32) (local $own i32) (local $f v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local.set $row (local.get $first))
    (loop $next
      (local.set $own (i32.add (local.get $x) (i32.shl (local.get $row) (i32.const 6))))
      (local.set $s0 (v128.load (local.get $own)))
      (local.set $s1 (v128.load offset=16 (local.get $own)))
      (local.set $s2 (v128.load offset=32 (local.get $own)))
      (local.set $s3 (v128.load offset=48 (local.get $own)))
      (local.set $at (i32.add (local.get $x) (i32.shl (local.get $first) (i32.const 6))))
      (local.set $factor (i32.add (local.get $lower)
        (i32.shl (i32.add (i32.mul (local.get $row) (local.get $d)) (local.get $first)) (i32.const 3))))
      (block $done
        (loop $known
          (br_if $done (i32.ge_u (local.get $at) (local.get $own)))
          (local.set $f (f64x2.neg (v128.load64_splat (local.get $factor))))
          (local.set $s0 (f64x2.add (local.get $s0) (f64x2.mul (local.get $f) (v128.load (local.get $at)))))
          (local.set $s1 (f64x2.add (local.get $s1) (f64x2.mul (local.get $f) (v128.load offset=16 (local.get $at)))))
          (local.set $s2 (f64x2.add (local.get $s2) (f64x2.mul (local.get $f) (v128.load offset=32 (local.get $at)))))
          (local.set $s3 (f64x2.add (local.get $s3) (f64x2.mul (local.get $f) (v128.load offset=48 (local.get $at)))))
          (local.set $factor (i32.add (local.get $factor) (i32.const 8)))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $known)))
      (local.set $f (v128.load64_splat (local.get $factor))) ;; the diagonal
      (v128.store (local.get $own) (f64x2.div (local.get $s0) (local.get $f)))
      (v128.store offset=16 (local.get $own) (f64x2.div (local.get $s1) (local.get $f)))
      (v128.store offset=32 (local.get $own) (f64x2.div (local.get $s2) (local.get $f)))
      (v128.store offset=48 (local.get $own) (f64x2.div (local.get $s3) (local.get $f)))
      (br_if $next (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 1))) (local.get $d)))))

  ;; U X = R in place, for an upper triangle U [d, d] and a panel X [d, 8].
  (func (export "backward") (param $upper i32) (param $d i32) (param $x i32)
    (local $row i32) (local $factor i32) (local $at i32) (local $own i32) (local $end i32) (local $f v128)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $d) (i32.const 6))))
    (local.set $row (local.get $d))
    (loop $next
      (local.set $row (i32.sub (local.get $row) (i32.const 1)))
      (local.set $own (i32.add (local.get $x) (i32.shl (local.get $row) (i32.const 6))))
      (local.set $s0 (v128.load (local.get $own)))
      (local.set $s1 (v128.load offset=16 (local.get $own)))
      (local.set $s2 (v128.load offset=32 (local.get $own)))
      (local.set $s3 (v128.load offset=48 (local.get $own)))
      (local.set $at (i32.add (local.get $own) (i32.const 64)))
      (local.set $factor (i32.add (local.get $upper)
        (i32.shl (i32.add (i32.mul (local.get $row) (i32.add (local.get $d) (i32.const 1))) (i32.const 1)) (i32.const 3))))
      (block $done
        (loop $known
          (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
          (local.set $f (f64x2.neg (v128.load64_splat (local.get $factor))))
          (local.set $s0 (f64x2.add (local.get $s0) (f64x2.mul (local.get $f) (v128.load (local.get $at)))))
          (local.set $s1 (f64x2.add (local.get $s1) (f64x2.mul (local.get $f) (v128.load offset=16 (local.get $at)))))
          (local.set $s2 (f64x2.add (local.get $s2) (f64x2.mul (local.get $f) (v128.load offset=32 (local.get $at)))))
          (local.set $s3 (f64x2.add (local.get $s3) (f64x2.mul (local.get $f) (v128.load offset=48 (local.get $at)))))
          (local.set $factor (i32.add (local.get $factor) (i32.const 8)))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br $known)))
      (local.set $f (v128.load64_splat (i32.add (local.get $upper)
        (i32.shl (i32.mul (local.get $row) (i32.add (local.get $d) (i32.const 1))) (i32.const 3)))))
      (v128.store (local.get $own) (f64x2.div (local.get $s0) (local.get $f)))
      (v128.store offset=16 (local.get $own) (f64x2.div (local.get $s1) (local.get $f)))
      (v128.store offset=32 (local.get $own) (f64x2.div (local.get $s2) (local.get $f)))
      (v128.store offset=48 (local.get $own) (f64x2.div (local.get $s3) (local.get $f)))
      (br_if $next (i32.gt_s (local.get $row) (i32.const 0)))))
)
