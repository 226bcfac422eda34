/**
 * @file Directions in which a class spreads more than all do: up to k rows Q_c a class, of which Q_cᵀ Q_c stands for its
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
/** Where no number is given, a class has one for so many `images` of its own, but at least `few` and at most `many`. */
export const BY_IMAGES = { images: 15, few: 4, many: 16 };
/** No image may weigh more in a direction, as a share of the sum of squares: it would tell that image's features. */
const LARGEST_WEIGHT = 0.5;
/** Eigenvalues below this share of the largest are rounding. */
const NEGLIGIBLE = 1e-10;

/** Q_c of every class seen: at most k rows of width d each. */
export class ClassDirections {
  readonly #width: number;
  readonly #most: number | undefined;
  #rows: ReadonlyMap<number, Float64Array> = new Map(); // [directions, d] each, in order of position

  /** @param most k; left out: by a class's images (`BY_IMAGES`) */
  constructor(width: number, most?: number) {
    this.#width = width;
    this.#most = most;
  }

  /** Directions of the class that has most. */
  get most(): number {
    return Math.max(0, ...[...this.#rows.values()].map(({ length }) => length / this.#width));
  }

  /**
   * Q_c of some classes, in their order, with rows of zeros where a class has less than `most`; there may be others: a class
   * that was removed from a model's means. [n, most, d]
   */
  rowsOf(classes: readonly number[]): Float64Array {
    const size = this.most * this.#width;
    const rows = new Float64Array(classes.length * size);
    for (const [i, label] of classes.entries()) rows.set(this.of(label), i * size);
    return rows;
  }

  /** Q_c of a class that has been added. [directions, d] */
  of(label: number): Float64Array {
    return this.#rows.get(label)!;
  }

  /** Q_c ← what the map makes of differences of features. */
  move(map: DriftMap): void {
    this.#rows = new Map([...this.#rows].map(([label, rows]) => [label, map.differences(rows)]));
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
    const all = new Map(this.#rows);
    for (const [label, own] of rowsByLabel(task, d)) {
      const old = all.get(label) ?? new Float64Array(0);
      const n = own.length / d;
      if (n < IMAGES_PER_DIRECTION || this.#most === 0) {
        all.set(label, old);
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
      const most = Math.min(
        this.#most ?? directionsFor(statistics.count(label)),
        old.length / d + Math.floor(n / IMAGES_PER_DIRECTION),
      );
      all.set(label, leading(concatenate(Float64Array, parts), white, d, { most, images: n }));
    }
    this.#rows = new Map([...all].sort(([a], [b]) => a - b));
  }

  /** As float32 tensors under `prefix`: `most` times d numbers a class. */
  tensors(prefix: string): Record<string, Tensor> {
    const classes = [...this.#rows.keys()];
    const dims = [classes.length, this.most, this.#width];
    return {
      [`${prefix}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${prefix}directions`]: tensor("float32", dims, new Float32Array(this.rowsOf(classes))),
    };
  }

  /** Reads back what `tensors` wrote. */
  load(tensors: Tensors, prefix: string): void {
    const classes = [...(tensors[`${prefix}classes`]!.data as Int32Array)];
    const rows = Float64Array.from(float32Data(tensors[`${prefix}directions`]!));
    const size = rows.length / Math.max(classes.length, 1);
    this.#rows = new Map(
      classes.map((label, i) => [
        label,
        withoutPadding(rows.subarray(i * size, (i + 1) * size), this.#width),
      ]),
    );
  }
}

/** Directions of a class of so many images at most, where no number was given. */
export const directionsFor = (images: number): number =>
  Math.min(Math.max(Math.floor(images / BY_IMAGES.images), BY_IMAGES.few), BY_IMAGES.many);

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

/** Rows up to the last that is not zero. */
function withoutPadding(rows: Float64Array, d: number): Float64Array {
  const end = rows.findLastIndex((value) => value !== 0) + 1;
  return rows.subarray(0, Math.ceil(end / d) * d);
}
