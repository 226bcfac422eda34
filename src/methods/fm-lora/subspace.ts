/** @file The shared subspace of one site: W = W0 + B C A, and what past tasks did in it. Our reconstruction. */
import { inverse, Matrix, QrDecomposition, SVD } from "ml-matrix";
import { flatten32, matrix } from "../../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Factors of one site. */
interface Factors {
  readonly a: Tensor; // [r, in]
  readonly b: Tensor; // [out, r]
  readonly core: Tensor; // [r, r]
}

/** A tensor with two axes as a matrix. */
export function asMatrix(value: Tensor): Matrix {
  const [rows, columns] = value.dims as [number, number];
  return matrix(rows, columns, float32Data(value));
}

/** A matrix as a float32 tensor. */
export function asTensor(value: Matrix): Tensor<"float32"> {
  return tensor("float32", [value.rows, value.columns], flatten32(value));
}

/**
 * The same update with orthonormal bases: B C A = U S Vᵀ gives B = U, C = diag(S), A = Vᵀ.
 * QR of B and of Aᵀ, then the SVD of an r x r product, never of a d x d one.
 */
export function canonicalize({ a, b, core }: Factors): Factors {
  const left = new QrDecomposition(asMatrix(b)); // B = Qb Rb
  const right = new QrDecomposition(asMatrix(a).transpose()); // Aᵀ = Qa Ra
  const middle = left.upperTriangularMatrix
    .mmul(asMatrix(core))
    .mmul(right.upperTriangularMatrix.transpose());
  const svd = new SVD(middle, { autoTranspose: true });
  return {
    a: asTensor(right.orthogonalMatrix.mmul(svd.rightSingularVectors).transpose()),
    b: asTensor(left.orthogonalMatrix.mmul(svd.leftSingularVectors)),
    core: asTensor(Matrix.diag(svd.diagonal)),
  };
}

/**
 * Soft null-space projector P = (I + M̄ / (α mean_eig))⁻¹ of the second moment of past inputs: close to I
 * where old tasks have no input, small where they have much. The identity for a zero moment.
 */
export function softProjector(moment: Matrix, alpha: number): Matrix {
  const r = moment.rows;
  const meanEigenvalue = moment.trace() / r;
  if (meanEigenvalue <= 0) return Matrix.eye(r, r);
  return inverse(Matrix.eye(r, r).add(Matrix.div(moment, alpha * meanEigenvalue)));
}

/** The moment after the basis moved: M ← T M Tᵀ with T = A_new A_oldᵀ (A_old A_oldᵀ)⁻¹. */
export function moveMoment(moment: Matrix, before: Tensor, after: Tensor): Matrix {
  const old = asMatrix(before);
  const move = asMatrix(after)
    .mmul(old.transpose())
    .mmul(inverse(old.mmul(old.transpose())));
  return move.mmul(moment).mmul(move.transpose());
}

/** Cosine of two symmetric moments; 0 if either is zero. */
export function momentSimilarity(x: Matrix, y: Matrix): number {
  const norms = x.norm("frobenius") * y.norm("frobenius");
  return norms === 0 ? 0 : Matrix.mul(x, y).sum() / norms;
}

/** A task's moments by site as one unit vector of a few digits, every site with the same weight: for reports. */
export function momentFingerprint(moments: Readonly<Record<string, Float32Array>>, rank: number): number[] {
  const sites = Object.values(moments);
  return sites.flatMap((moment) => {
    const norm = matrix(rank, rank, moment).norm("frobenius") || 1;
    return Array.from(moment, (value) => Number((value / norm / Math.sqrt(sites.length)).toFixed(4)));
  });
}

/** Number of directions a positive spectrum spreads over: exp of the entropy of the normalized values. */
export function effectiveRank(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  if (sum <= 0) return 0;
  const entropy = values.reduce((total, value) => {
    const share = value / sum; // may underflow to 0 for a positive value
    return share > 0 ? total - share * Math.log(share) : total;
  }, 0);
  return Math.exp(entropy);
}
