/**
 * @file Directions in which a class spreads more than all do: k rows Q_c a class, of which Q_cᵀ Q_c stands for its
 * covariance. Source: design of this project (ours).
 */
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { concatenate } from "../tensor/concatenate.ts";
import {
  columnMeans,
  gram,
  product,
  ridgeFactor,
  symmetricEigen,
  transposed,
  whitener,
} from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { type ClassStatistics, rowsByLabel } from "./class-statistics.ts";
import type { DriftMap } from "./drift/drift.ts";

/** One direction for so many images: of fewer, directions would be nearly the images' own features. */
const IMAGES_PER_DIRECTION = 10;
/** No image may weigh more in a direction, as a share of the sum of squares: it would tell that image's features. */
const LARGEST_WEIGHT = 0.5;
/** Eigenvalues below this share of the largest are rounding. */
const NEGLIGIBLE = 1e-10;

/** Q_c of every class seen: [k, d] each, rows of zeros where there are fewer directions. */
export class ClassDirections {
  readonly #width: number;
  readonly #most: number;
  #classes: readonly number[] = []; // in order of position
  #places: ReadonlyMap<number, number> = new Map();
  #rows: Float64Array = new Float64Array(0); // [classes, k, d]

  constructor(width: number, most: number) {
    this.#width = width;
    this.#most = most;
  }

  /** Q_c of some classes, in their order; there may be others: a class that was removed from a model's means. [n, k, d] */
  rowsOf(classes: readonly number[]): Float64Array {
    return concatenate(
      Float64Array,
      classes.map((label) => this.of(label)),
    );
  }

  /** Q_c of a class that has been added. [k, d] */
  of(label: number): Float64Array {
    const size = this.#most * this.#width;
    const start = this.#places.get(label)! * size;
    return this.#rows.subarray(start, start + size);
  }

  /** Q_c ← what the map makes of differences of features. */
  move(map: DriftMap): void {
    this.#rows = map.differences(this.#rows);
  }

  /**
   * Adds a task that `statistics` have already. With S~ = S + shrinkage mean_diag(S) I and the task's centered features
   * O of a class [n, d], Q_c = Uᵀ R, U being the leading eigenvectors of R S~⁻¹ Rᵀ: R = O / √N for a new class; for one
   * seen before (n0 images of mean mu0; N = n0 + n, mean mu of the new ones) R is O / √N on Q_c √(n0 / N) on
   * (mu0 − mu) √(n n0) / N. Where a part has fewer than ten images, directions are those of the other alone.
   */
  add(task: LabeledFeatures, statistics: ClassStatistics, shrinkage: number): void {
    const d = this.#width;
    const factor = ridgeFactor(statistics.covariance(), d, shrinkage);
    const white = whitener(factor, d);
    const { classes, means } = statistics.meanRows();
    const changed = new Map<number, Float64Array>();
    for (const [label, own] of rowsByLabel(task, d)) {
      const old = this.#places.has(label) ? this.of(label) : new Float64Array(this.#most * d);
      const n = own.length / d;
      if (n < IMAGES_PER_DIRECTION || this.#most === 0) {
        changed.set(label, old);
        continue;
      }
      const mean = columnMeans(own, d);
      const before = statistics.count(label) - n;
      const n0 = before < IMAGES_PER_DIRECTION ? 0 : before;
      const total = n0 + n;
      const parts = [own.map((value, i) => (value - mean[i % d]!) / Math.sqrt(total))];
      if (n0 > 0) {
        // The mean of all is (n0 mu0 + n mu) / N: mu0 − mu is N / n0 times its distance from mu.
        const at = classes.indexOf(label) * d;
        const gap = mean.map((value, i) => (means[at + i]! - value) * Math.sqrt(n / n0));
        parts.push(
          old.map((value) => value * Math.sqrt(n0 / total)),
          gap,
        );
      }
      const most = Math.min(this.#most, count(old, d) + Math.floor(n / IMAGES_PER_DIRECTION));
      const found = leading(concatenate(Float64Array, parts), white, d, { most, images: n });
      const rows = new Float64Array(this.#most * d);
      rows.set(found);
      changed.set(label, rows);
    }
    this.#take(changed);
  }

  #take(changed: ReadonlyMap<number, Float64Array>): void {
    const size = this.#most * this.#width;
    const classes = [...new Set([...this.#classes, ...changed.keys()])].sort((a, b) => a - b);
    const rows = new Float64Array(classes.length * size);
    for (const [i, label] of classes.entries()) rows.set(changed.get(label) ?? this.of(label), i * size);
    this.#set(classes, rows);
  }

  #set(classes: readonly number[], rows: Float64Array): void {
    this.#classes = classes;
    this.#places = new Map(classes.map((label, i) => [label, i]));
    this.#rows = rows;
  }

  /** As float32 tensors under `prefix`: k d numbers a class. */
  tensors(prefix: string): Record<string, Tensor> {
    const classes = this.#classes;
    return {
      [`${prefix}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${prefix}directions`]: tensor(
        "float32",
        [classes.length, this.#most, this.#width],
        new Float32Array(this.#rows),
      ),
    };
  }

  /** Reads back what `tensors` wrote. */
  load(tensors: Tensors, prefix: string): void {
    const classes = [...(tensors[`${prefix}classes`]!.data as Int32Array)];
    this.#set(classes, Float64Array.from(float32Data(tensors[`${prefix}directions`]!)));
  }
}

/**
 * Uᵀ R for the leading eigenvectors U of R S~⁻¹ Rᵀ, but those in which one of the first `images` rows outweighs all
 * others together. R: [m, d], white: L⁻ᵀ of S~ = L Lᵀ
 */
function leading(
  r: Float64Array,
  white: Float64Array,
  d: number,
  { most, images }: { readonly most: number; readonly images: number },
): Float64Array {
  const m = r.length / d;
  const whitened = product(r, d, white, d); // [m, d]
  // The smaller of the two products has the same eigenvalues: of V of WᵀW, W V / √λ are those of W Wᵀ.
  const small = m <= d;
  const size = small ? m : d;
  const square = small ? product(whitened, d, transposed(whitened, m, d), m) : gram(whitened, d, whitened, d);
  const { values, vectors } = symmetricEigen(square, size);
  const rows: Float64Array[] = [];
  for (let i = 0; i < Math.min(most, size); i++) {
    if (!(values[i]! > NEGLIGIBLE * values[0]!)) break;
    const vector = vectors.getColumn(i);
    const u = small ? vector : product(whitened, d, vector, 1).map((value) => value / Math.sqrt(values[i]!));
    if (u.slice(0, images).every((weight) => weight * weight <= LARGEST_WEIGHT))
      rows.push(product(u, m, r, d));
  }
  return concatenate(Float64Array, rows);
}

/** Rows that aren't zero. */
function count(rows: Float64Array, d: number): number {
  let found = 0;
  for (let at = 0; at < rows.length; at += d)
    found += Number(rows.subarray(at, at + d).some((value) => value !== 0));
  return found;
}
