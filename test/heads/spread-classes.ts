/** @file Draws of classes that spread in their own ways, and what is learned from them. */
import { Matrix } from "ml-matrix";
import type { LabeledFeatures } from "../../src/data/dataset.ts";
import { ClassDirections } from "../../src/heads/class-directions.ts";
import { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** The defaults, of classes of few images. */
export const OPTIONS: Options = { shrinkage: 0.1, directions: 4, directionWeight: 0.1 };

interface Options {
  readonly shrinkage: number;
  readonly directions: number | undefined;
  readonly directionWeight: number;
}

/** Draws of each class around a center of its own, `width` in three directions of its own. */
export function drawn(
  name: string,
  d: number,
  classes: readonly number[],
  perClass: number,
  width = 1.5,
): LabeledFeatures {
  const rng = Rng.at("gaussian", name);
  const features = classes.flatMap((label) => {
    const own = Rng.at("class", label);
    const center = Array.from({ length: d }, () => own.normal());
    const wide = Array.from({ length: 3 * d }, () => own.normal());
    return Array.from({ length: perClass }, () => {
      const [x, y, z] = [rng.normal(), rng.normal(), rng.normal()];
      return center.map(
        (value, i) =>
          value + rng.normal() + width * (x * wide[i]! + y * wide[d + i]! + (z * wide[2 * d + i]!) / 3),
      );
    }).flat();
  });
  const labels = classes.flatMap((label) => new Array<number>(perClass).fill(label));
  return { features: Float32Array.from(features), labels: Int32Array.from(labels) };
}

/** What is known after some tasks. */
export function learned(d: number, tasks: readonly LabeledFeatures[], { directions, shrinkage } = OPTIONS) {
  const statistics = new ClassStatistics(d);
  const own = new ClassDirections(d, directions);
  for (const task of tasks) {
    statistics.add(task, { betweenScatter: true });
    own.add(task, statistics, shrinkage);
  }
  return { statistics, own };
}

/** Features of one class. */
export const rowsOf = ({ features, labels }: LabeledFeatures, label: number, d: number): Matrix => {
  const rows = [...labels].flatMap((own, row) =>
    own === label ? [[...features.subarray(row * d, (row + 1) * d)]] : [],
  );
  return new Matrix(rows);
};

/** Rows around their mean. */
export const centered = (rows: Matrix): Matrix => rows.clone().subRowVector(rows.mean("column"));
