/**
 * @file Products and triangular systems in WebAssembly with SIMD, in float64: the loops are written in linear-kernel.wat and
 * assembled beforehand. Lanes are columns and every sum keeps its order, so that results are those of plain loops to the
 * last bit.
 */
import { LINEAR_KERNEL } from "./generated/linear-kernel.ts";
import { type Kernel, kernelOf, memoryOf } from "./web-assembly.ts";

/** The loops, over addresses of their own memory. */
interface LinearKernel extends Kernel {
  /** Rows [rows, p] times columns [p, q] -> [rows, q], for rows and columns in fours; `panel` has room for 4 p numbers. */
  product(left: number, rows: number, p: number, right: number, q: number, panel: number, to: number): void;
  /** Solves L X = R in place. L: [d, d] lower, X: [d, 8], zero before row `first` */
  forward(lower: number, d: number, x: number, first: number): void;
  /** Solves U X = R in place. U: [d, d] upper, X: [d, 8] */
  backward(upper: number, d: number, x: number): void;
}

const kernel = kernelOf<LinearKernel>(LINEAR_KERNEL);

const BYTES = Float64Array.BYTES_PER_ELEMENT;
/** Rows and columns that are computed together: their sums fit in registers. */
const GROUP = 4;
const SOLVE_PANEL = 8;
/** Numbers of the right side, and of the left and what comes out, that are there at a time. */
const [RIGHT, LEFT] = [2 ** 20, 2 ** 18];

/** x y for x: [n, p], y: [p, q]. Result: [n, q] */
export function kernelProduct(x: Float64Array, p: number, y: Float64Array, q: number): Float64Array {
  const n = x.length / p;
  const result = new Float64Array(n * q);
  const columns = Math.min(inGroups(q), inGroups(RIGHT / p - GROUP));
  const rows = Math.min(inGroups(n), inGroups(LEFT / (p + columns) - GROUP));
  const right = GROUP * p;
  const left = right + columns * p;
  const to = left + rows * p;
  const loops = kernel();
  const memory = new Float64Array(memoryOf(loops, BYTES * (to + rows * columns)));
  // What is beyond a matrix gives numbers that nobody takes.
  for (let column = 0; column < q; column += columns) {
    const width = Math.min(columns, q - column);
    for (let k = 0; k < p; k++) {
      const from = k * q + column;
      memory.set(y.subarray(from, from + width), right + k * columns);
    }
    for (let row = 0; row < n; row += rows) {
      const count = Math.min(rows, n - row);
      memory.set(x.subarray(row * p, (row + count) * p), left);
      loops.product(BYTES * left, count, p, BYTES * right, columns, 0, BYTES * to);
      for (let i = 0; i < count; i++) {
        const from = to + i * columns;
        result.set(memory.subarray(from, from + width), (row + i) * q + column);
      }
    }
  }
  return result;
}

const inGroups = (count: number): number => GROUP * Math.max(Math.ceil(count / GROUP), 1);

/** Solves L X = R for a lower triangle L: [d, d]. R: [d, q], X: [d, q] */
export const kernelForward = (lower: Float64Array, d: number, right: Float64Array, q: number): Float64Array =>
  inPanels(lower, d, right, q, (loops, at, x) => loops.forward(at, d, x, 0));

/** Solves U X = R for an upper triangle U: [d, d]. R: [d, q], X: [d, q] */
export const kernelBackward = (
  upper: Float64Array,
  d: number,
  right: Float64Array,
  q: number,
): Float64Array => inPanels(upper, d, right, q, (loops, at, x) => loops.backward(at, d, x));

/** L⁻¹ of a lower triangle L: [d, d] */
export function kernelInverse(lower: Float64Array, d: number): Float64Array {
  const identity = new Float64Array(d * d);
  for (let i = 0; i < d; i++) identity[i * d + i] = 1;
  return inPanels(lower, d, identity, d, (loops, at, x, column) => loops.forward(at, d, x, column));
}

function inPanels(
  triangle: Float64Array,
  d: number,
  right: Float64Array,
  q: number,
  solve: (loops: LinearKernel, triangle: number, x: number, column: number) => void,
): Float64Array {
  const result = new Float64Array(d * q);
  const loops = kernel();
  const x = d * d;
  const memory = new Float64Array(memoryOf(loops, BYTES * (x + d * SOLVE_PANEL)));
  memory.set(triangle);
  for (let column = 0; column < q; column += SOLVE_PANEL) {
    const width = Math.min(SOLVE_PANEL, q - column);
    for (let k = 0; k < d; k++)
      for (let j = 0; j < width; j++) memory[x + SOLVE_PANEL * k + j] = right[k * q + column + j]!;
    solve(loops, 0, BYTES * x, column);
    for (let k = 0; k < d; k++)
      for (let j = 0; j < width; j++) result[k * q + column + j] = memory[x + SOLVE_PANEL * k + j]!;
  }
  return result;
}
