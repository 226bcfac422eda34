/** @file Symmetric systems at many ridges: one reduction to tridiagonal form, then each solution is a short recursion. */

/** T and Hᵀ Y of S = H T Hᵀ, H orthogonal. */
export interface Tridiagonal {
  readonly diagonal: Float64Array; // [m]
  /** Beside the diagonal: element i couples i and i + 1. */
  readonly beside: Float64Array; // [m]
  readonly rotated: Float64Array; // Hᵀ Y, [m, q]
}

/**
 * Householder's reduction. An eigendecomposition (ml-matrix) would do as well and takes six times as long.
 * @param s symmetric, [m, m]; used up
 * @param y [m, q]; used up
 */
export function tridiagonalize(s: Float64Array, m: number, y: Float64Array, q: number): Tridiagonal {
  const v = new Float64Array(m);
  const w = new Float64Array(m);
  const sums = new Float64Array(q);
  for (let k = 0; k + 2 < m; k++) {
    const from = k + 1;
    let squares = 0;
    for (let i = from; i < m; i++) squares += s[i * m + k]! ** 2;
    const first = s[from * m + k]!;
    const target = first > 0 ? -Math.sqrt(squares) : Math.sqrt(squares);
    if (squares === first * first) continue; // zeros below already
    // v = x − target e1 reflects the column x onto e1; factor = 2 / |v|².
    for (let i = from; i < m; i++) v[i] = s[i * m + k]!;
    v[from]! -= target;
    const factor = 1 / (squares - target * first);
    let overlap = 0;
    for (let i = from; i < m; i++) {
      let dot = 0;
      for (let j = from; j < m; j++) dot += s[i * m + j]! * v[j]!;
      w[i] = factor * dot;
      overlap += w[i]! * v[i]!;
    }
    for (let i = from; i < m; i++) w[i]! -= (factor / 2) * overlap * v[i]!;
    for (let i = from; i < m; i++) {
      const [a, b] = [v[i]!, w[i]!];
      for (let j = from; j < m; j++) s[i * m + j]! -= a * w[j]! + b * v[j]!;
    }
    s[from * m + k] = target;
    sums.fill(0);
    for (let i = from; i < m; i++) for (let j = 0; j < q; j++) sums[j]! += factor * v[i]! * y[i * q + j]!;
    for (let i = from; i < m; i++) for (let j = 0; j < q; j++) y[i * q + j]! -= v[i]! * sums[j]!;
  }
  return {
    diagonal: Float64Array.from({ length: m }, (_, i) => s[i * m + i]!),
    beside: Float64Array.from({ length: m }, (_, i) => (i + 1 < m ? s[(i + 1) * m + i]! : 0)),
    rotated: y,
  };
}

/**
 * Solves (T + ridge I) X = R. R, X: [m, q]
 * @returns undefined where the matrix isn't positive definite in double precision
 */
export function solveTridiagonal(
  { diagonal, beside }: Pick<Tridiagonal, "diagonal" | "beside">,
  ridge: number,
  right: Float64Array,
  q: number,
): Float64Array | undefined {
  const m = diagonal.length;
  const pivots = new Float64Array(m);
  const x = right.slice();
  for (let i = 0; i < m; i++) {
    const factor = i === 0 ? 0 : beside[i - 1]! / pivots[i - 1]!;
    pivots[i] = diagonal[i]! + ridge - (i === 0 ? 0 : factor * beside[i - 1]!);
    if (!(pivots[i]! > 0)) return undefined;
    if (i > 0) for (let j = 0; j < q; j++) x[i * q + j]! -= factor * x[(i - 1) * q + j]!;
  }
  for (let i = m - 1; i >= 0; i--) {
    for (let j = 0; j < q; j++) {
      const next = i + 1 < m ? beside[i]! * x[(i + 1) * q + j]! : 0;
      x[i * q + j] = (x[i * q + j]! - next) / pivots[i]!;
    }
  }
  return x;
}
