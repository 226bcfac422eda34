import fc from "fast-check";
import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { graph } from "../../src/graph/graph.ts";
import { constant, input, type Value } from "../../src/graph/value.ts";
import { quantizeColumns, quantizeTransposed } from "../../src/nn/quantize.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import {
  dynamicQuantize,
  mul,
  type QuantizedMatrix,
  quantizedLinear,
  quantizedMatmul,
  reduceSum,
} from "../../src/ops/index.ts";
import type { Session } from "../../src/runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../src/tensor/tensor.ts";

const runtime = nodeRuntime({ threads: 1 });
const [ROWS, IN, OUT] = [5, 7, 3];

const matrix = (rows: number, columns: number, at: (i: number, j: number) => number): Tensor<"float32"> =>
  tensor(
    "float32",
    [rows, columns],
    Float32Array.from({ length: rows * columns }, (_, k) => at(Math.floor(k / columns), k % columns)),
  );
const element = ({ dims, data }: Tensor, i: number, j: number): number => Number(data[i * dims[1]! + j]);
const dot = (length: number, term: (k: number) => number): number =>
  Array.from({ length }, (_, k) => term(k)).reduce((sum, value) => sum + value, 0);

/** y = x Wᵀ + bias in 8 bits, and dx for the loss Σ y projection. */
async function compiled(projection: Tensor<"float32">): Promise<Session> {
  const quantized = (way: string, rows: number, columns: number): QuantizedMatrix => ({
    values: input(way, "int8", [rows, columns]),
    scale: input(`${way} scale`, "float32", [columns]),
  });
  const x = input("x", "float32", [ROWS, IN]);
  const gradient = (dy: Value): Value => quantizedMatmul(dynamicQuantize(dy), quantized("backward", OUT, IN));
  const bias = input("bias", "float32", [OUT]);
  const y = quantizedLinear(dynamicQuantize(x), quantized("forward", IN, OUT), bias, gradient);
  const loss = reduceSum(mul(y, constant(projection)));
  const [dx, dBias] = backward(loss, [x, bias]);
  return runtime.compile(graph({ y, dx: dx!, dBias: dBias! }));
}

async function run(
  x: Tensor<"float32">, // [n, in]
  weight: Tensor<"float32">, // [out, in]
  bias: Tensor<"float32">,
  projection: Tensor<"float32">,
) {
  const session = await compiled(projection);
  const [forward, back] = [quantizeTransposed(weight, 127), quantizeColumns(weight, 127)];
  const results = await session.run({
    x,
    bias,
    forward: forward.values,
    "forward scale": forward.scale,
    backward: back.values,
    "backward scale": back.scale,
  });
  await session.dispose();
  return results;
}

test("whole numbers that 8 bits hold are multiplied exactly, forward and backward", async () => {
  const whole = (i: number, j: number): number => ((31 * i + 17 * j) % 200) - 100;
  // Every row and column of W reaches 127, and x and dy span 255 steps: all scales are 1.
  const x = matrix(ROWS, IN, (i, j) => (i === 0 && j < 2 ? [-128, 127][j]! : whole(i, j)));
  const weight = matrix(OUT, IN, (i, j) => (j % OUT === i ? 127 : whole(i, j)));
  const projection = matrix(ROWS, OUT, (i, j) => (i === 1 && j < 2 ? [-128, 127][j]! : whole(j, i)));
  const bias = tensor("float32", [OUT], Float32Array.of(0.5, -1, 2));
  const { y, dx, dBias } = await run(x, weight, bias, projection);
  for (let i = 0; i < ROWS; i++) {
    for (let o = 0; o < OUT; o++) {
      const exact = dot(IN, (k) => element(x, i, k) * element(weight, o, k)) + bias.data[o]!;
      expect(element(y!, i, o)).toBeCloseTo(exact, 1);
    }
    for (let k = 0; k < IN; k++) {
      const exact = dot(OUT, (o) => element(projection, i, o) * element(weight, o, k));
      expect(element(dx!, i, k)).toBeCloseTo(exact, 1);
    }
  }
  expect(Array.from(float32Data(dBias!))).toEqual(
    Array.from({ length: OUT }, (_, o) => dot(ROWS, (i) => element(projection, i, o))),
  );
});

test("any numbers are off by no more than the steps of rounding allow", async () => {
  const numbers = (length: number) =>
    fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: length, maxLength: length });
  await fc.assert(
    fc.asyncProperty(numbers(ROWS * IN), numbers(OUT * IN), numbers(ROWS * OUT), async (a, b, c) => {
      const x = tensor("float32", [ROWS, IN], Float32Array.from(a));
      const weight = tensor("float32", [OUT, IN], Float32Array.from(b));
      const projection = tensor("float32", [ROWS, OUT], Float32Array.from(c));
      const { y, dx } = await run(x, weight, tensor("float32", [OUT], new Float32Array(OUT)), projection);
      const largest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));
      const [xMax, wMax, dMax] = [largest(x.data), largest(weight.data), largest(projection.data)];
      // Half a step of either factor times the largest of the other: x has steps of up to 2 max / 255, W of max / 127.
      const bound = (length: number, size: number): number =>
        1e-4 + length * size * wMax * (1.05 / 255 + 0.55 / 127);
      for (let i = 0; i < ROWS; i++) {
        for (let o = 0; o < OUT; o++) {
          const exact = dot(IN, (k) => element(x, i, k) * element(weight, o, k));
          expect(Math.abs(element(y!, i, o) - exact)).toBeLessThan(bound(IN, xMax));
        }
        for (let k = 0; k < IN; k++) {
          const exact = dot(OUT, (o) => element(projection, i, o) * element(weight, o, k));
          expect(Math.abs(element(dx!, i, k) - exact)).toBeLessThan(bound(OUT, dMax));
        }
      }
    }),
    { numRuns: 20 },
  );
});

test("matrices are rounded per column, and their transposes alike", () => {
  const weight = matrix(130, 5, (i, j) => (j === 4 ? 0 : Math.sin(7 * i + j) * 10 ** j));
  const turned = matrix(5, 130, (i, j) => element(weight, j, i));
  const columns = quantizeColumns(weight, 127);
  expect(quantizeTransposed(turned, 127)).toEqual(columns);
  for (let j = 0; j < 4; j++) {
    const values = Array.from({ length: 130 }, (_, i) => element(columns.values, i, j));
    expect(Math.max(...values.map(Math.abs))).toBe(127);
    const step = columns.scale.data[j]!;
    for (let i = 0; i < 130; i++)
      expect(Math.abs(element(columns.values, i, j) * step - element(weight, i, j))).toBeLessThan(
        0.501 * step,
      );
  }
  expect(columns.scale.data[4]).toBe(0);
  expect(Math.max(...quantizeColumns(weight, 63).values.data)).toBe(63);
});

test("shapes and types that don't fit are named", () => {
  const x = dynamicQuantize(input("x", "float32", [2, 3]));
  const weight = { values: input("w", "int8", [4, 5]), scale: input("s", "float32", [5]) };
  expect(() => quantizedMatmul(x, weight)).toThrow(/u8\[2,3\].*i8\[4,5\].*expected \[m, k\] and \[k, n\]/);
  const fits = { values: input("w", "int8", [3, 5]), scale: input("s", "float32", [4]) };
  expect(() => quantizedMatmul(x, fits)).toThrow(/bScale must be \[5\]/);
});
