import fc from "fast-check";
import { expect, test } from "vitest";
import { graph } from "../../../src/graph/graph.ts";
import { input } from "../../../src/graph/value.ts";
import { nodeRuntime } from "../../../src/node/runtime/runtime.ts";
import { AffineFit, moments } from "../../../src/pretraining/regression/affine-fit.ts";
import { narrowing } from "../../../src/pretraining/regression/directions.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { tensor } from "../../../src/tensor/tensor.ts";

const ROWS = 40;

/** A fit to y = 2 x₀ - x₂ + 3 and y = x₁ over two batches; the second half of each batch weighs nothing and lies. */
async function fitted(): Promise<AffineFit> {
  const rng = new Rng(5);
  const [x, y, weight] = [
    input("x", "float32", [ROWS, 3]),
    input("y", "float32", [ROWS, 2]),
    input("weight", "float32", [ROWS, 1]),
  ];
  const session = await nodeRuntime({ threads: 1 }).compile(graph(moments("m", x, y, weight)));
  const fit = new AffineFit("m", 3, 2);
  for (let batch = 0; batch < 2; batch++) {
    const values = Float32Array.from({ length: ROWS * 3 }, () => rng.normal() + 1);
    const wanted = Float32Array.from({ length: ROWS * 2 }, (_, i) => {
      const [a, b, c] = values.subarray(3 * Math.floor(i / 2));
      if (i >= ROWS) return 1000;
      return i % 2 === 0 ? 2 * a! - c! + 3 : b!;
    });
    const weights = Float32Array.from({ length: ROWS }, (_, row) => Number(row < ROWS / 2));
    fit.add(
      await session.run({
        x: tensor("float32", [ROWS, 3], values),
        y: tensor("float32", [ROWS, 2], wanted),
        weight: tensor("float32", [ROWS, 1], weights),
      }),
    );
  }
  await session.dispose();
  return fit;
}

test("an affine map is found again, to the ridge, by the rows that count", async () => {
  const { weight, bias } = (await fitted()).solve();
  for (const [i, value] of [2, 0, -1, 0, 1, 0].entries()) expect(weight.data[i]).toBeCloseTo(value, 1.5);
  expect(bias.data[0]).toBeCloseTo(3, 1.5);
  expect(bias.data[1]).toBeCloseTo(0, 1.5);
});

test("the layer between chosen inputs and outputs is that of these alone, and inputs that matter explain more", async () => {
  const fit = await fitted();
  const { weight } = fit.solve([1], [1]);
  expect(weight.dims).toEqual([1, 1]);
  expect(weight.data[0]).toBeCloseTo(1, 1.5);
  expect(fit.explained([0])).toBeGreaterThan(fit.explained([2]));
  expect(fit.explained([0, 1, 2])).toBeGreaterThan(fit.explained([0, 1]));
});

test("a narrowing keeps lengths in the principal directions, and its results have mean 0", () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 12 }), fc.nat(), (width, seed) => {
      const from = 2 * width;
      const rng = new Rng(seed);
      const covariance = new Float64Array(from * from);
      for (let i = 0; i < from; i++) covariance[i * from + i] = i < width - 1 ? 5 + rng.uniform() : 0.1;
      const map = narrowing(covariance, from, width);
      const rows = Array.from({ length: from }, (_, row) => map.subarray(row * width, (row + 1) * width));
      for (const [row, values] of rows.entries()) {
        expect(values.reduce((a, b) => a + b)).toBeCloseTo(0, 5);
        expect(Math.hypot(...values)).toBeCloseTo(Number(row < width - 1), 5);
      }
    }),
  );
});
