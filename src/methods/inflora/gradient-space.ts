/** @file What past inputs of a layer span, and directions that avoid it: InfLoRA's use of DualGPM. Symmetric matrices only. */
import { Matrix } from "ml-matrix";
import { type Eigen, symmetricEigen } from "../../tensor/linear-algebra.ts";

/** A subspace of a layer's inputs by an orthonormal basis. */
export interface GradientSpace {
  /** Whether the basis spans what is to be avoided ("remove") or what is still free ("retain"). */
  readonly kind: "remove" | "retain";
  readonly basis: Matrix; // [d, k], k <= d / 2
}

/** Singular values that are this small beside the norm of the moment are rounding. */
const ROUNDING = 1e-7;

/** The moment in what a space leaves free: C − F Fᵀ C, or F Fᵀ C; all of it without a space. */
function free(moment: Matrix, space: GradientSpace | undefined): Matrix {
  if (space === undefined) return moment;
  const within = projected(space.basis, moment);
  return space.kind === "remove" ? Matrix.sub(moment, within) : within;
}

/** F Fᵀ M. */
const projected = (basis: Matrix, m: Matrix): Matrix =>
  basis.columns === 0 ? Matrix.zeros(m.rows, m.columns) : basis.mmul(basis.transpose().mmul(m));

/** Left singular vectors with their values, by the eigenvectors of M Mᵀ: half the digits of an SVD, in a fraction of its time. */
function spectrum(m: Matrix): Eigen {
  const { values, vectors } = symmetricEigen(m.mmul(m.transpose()).to1DArray(), m.rows);
  return { values: values.map((value) => Math.sqrt(Math.max(value, 0))), vectors };
}

/**
 * Rows of A for a new task: the `rank` leading directions of its inputs that are free, over √3. Where fewer are free, the
 * rest are rows of zeros. [rank, d]
 */
export function freeDirections(moment: Matrix, space: GradientSpace | undefined, rank: number): Matrix {
  const { values, vectors } = spectrum(free(moment, space));
  const smallest = ROUNDING * Math.sqrt(squares(moment));
  const rows = Matrix.zeros(rank, moment.rows);
  for (let i = 0; i < rank; i++) {
    if (values[i]! <= smallest) break;
    rows.setRow(i, vectors.getColumn(i));
  }
  return rows.div(Math.sqrt(3));
}

/**
 * The space after a task with these inputs: about the share `threshold` of the energy Σ S² of the moment's spectrum is in what
 * is avoided then (the first space stops just below it, a later one just above). A basis of more than d / 2 columns is turned into one of the complement.
 */
export function extended(space: GradientSpace | undefined, moment: Matrix, threshold: number): GradientSpace {
  const total = squares(moment);
  if (total === 0) return space ?? { kind: "remove", basis: new Matrix(moment.rows, 0) };
  const part = free(moment, space);
  const { values, vectors } = spectrum(part);
  const energies = values.map((value) => value ** 2 / total);
  const left = squares(part) / total; // what is not yet avoided
  if (space?.kind === "retain") return narrowed(space, vectors, leading(energies, 1 - left, threshold));
  const count =
    space === undefined ? Math.max(below(energies, threshold), 1) : leading(energies, 1 - left, threshold);
  const added = firstColumns(vectors, count);
  const basis = space === undefined ? added : beside(space.basis, added);
  return 2 * basis.columns > moment.rows ? complement(basis) : { kind: "remove", basis };
}

/** How many leading energies it takes on top of `start` to reach the threshold. */
function leading(energies: readonly number[], start: number, threshold: number): number {
  let sum = start;
  let count = 0;
  while (count < energies.length && sum < threshold) sum += energies[count++]!;
  return count;
}

/** How many leading energies add up to less than the threshold. */
function below(energies: readonly number[], threshold: number): number {
  let sum = 0;
  return energies.filter((energy) => {
    sum += energy;
    return sum < threshold;
  }).length;
}

/** What stays free without `count` directions. */
function narrowed({ kind, basis }: GradientSpace, vectors: Matrix, count: number): GradientSpace {
  if (count === 0) return { kind, basis };
  const rest = Matrix.sub(basis, projected(firstColumns(vectors, count), basis));
  return { kind, basis: firstColumns(spectrum(rest).vectors, Math.max(basis.columns - count, 0)) };
}

/** An orthonormal basis of everything else. */
function complement(basis: Matrix): GradientSpace {
  const d = basis.rows;
  const rest = Matrix.sub(Matrix.eye(d, d), basis.mmul(basis.transpose()));
  return { kind: "retain", basis: firstColumns(spectrum(rest).vectors, Math.max(d - basis.columns, 0)) };
}

const firstColumns = (m: Matrix, count: number): Matrix =>
  m.subMatrixColumn(Array.from({ length: count }, (_, column) => column));

function beside(basis: Matrix, added: Matrix): Matrix {
  const all = Matrix.zeros(basis.rows, basis.columns + added.columns);
  all.setSubMatrix(basis, 0, 0);
  return added.columns === 0 ? all : all.setSubMatrix(added, 0, basis.columns);
}

const squares = (m: Matrix): number => Matrix.mul(m, m).sum();
