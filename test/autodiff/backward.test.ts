import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { graph, topologicalOrder } from "../../src/graph/graph.ts";
import { emitAll, type Op } from "../../src/graph/op.ts";
import { input, type Value } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { graphText } from "../../src/onnx/text.ts";
import * as ops from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const x = input("x", "float32", [4, 3]);
const weight = input("weight", "float32", [2, 3]);
const a = input("a", "float32", [1, 3]);
const b = input("b", "float32", [2, 1]);

/** Operators of the values, sorted. */
const types = (values: readonly Value[]): string[] =>
  topologicalOrder(values)
    .map(({ op }) => op.type)
    .sort();

test("a frozen weight costs no gradient node: the whole backward pass as text", () => {
  const y = ops.add(
    ops.matmul(x, weight, { transposeB: true }),
    ops.matmul(ops.matmul(x, a, { transposeB: true }), b, { transposeB: true }),
  );
  const [da, db] = backward(ops.reduceSum(y), [a, b]) as [Value, Value];
  expect(graphText(graph({ da, db }))).toMatchInlineSnapshot(`
    "input b: f32[2,1]
    input x: f32[4,3]
    input a: f32[1,3]
    %0: f32[1,1] = Reshape(1) {"dims":[1,1]}
    %1: f32[4,2] = Expand(%0) {"dims":[4,2]}
    %2: f32[4,1] = FusedMatMul(%1, b) {"transposeA":false,"transposeB":false,"alpha":1}
    %3: f32[1,3] = FusedMatMul(%2, x) {"transposeA":true,"transposeB":false,"alpha":1}
    %4: f32[4,1] = FusedMatMul(x, a) {"transposeA":false,"transposeB":true,"alpha":1}
    %5: f32[2,1] = FusedMatMul(%1, %4) {"transposeA":true,"transposeB":false,"alpha":1}
    output da = %3
    output db = %5
    "
  `);
});

test("nothing is computed below the first parameter", () => {
  const below = ops.gelu(
    ops.layerNorm(x, input("scale", "float32", [3]), input("shift", "float32", [3]), 1e-6),
  );
  const loss = ops.reduceSum(
    ops.mul(ops.matmul(below, a, { transposeB: true }), ops.scale(ops.reduceSum(x), 2)),
  );
  const forward = topologicalOrder([loss]);
  const [da] = backward(loss, [a]) as [Value];
  const added = topologicalOrder([da]).filter((node) => !forward.includes(node));
  const addedTypes = added.map(({ op }) => op.type);
  expect(addedTypes.filter((type) => type === "FusedMatMul")).toHaveLength(1); // of a, none of what a multiplies
  expect(addedTypes).not.toContain("Erf"); // GELU's gradient
  expect(addedTypes).not.toContain("ReduceMean"); // layer norm's
});

test("gradients of a value with several uses add up, and broadcast axes are summed", async () => {
  const row = input("row", "float32", [3]);
  const y = ops.add(ops.mul(x, row), ops.mul(row, row)); // d row = Σ x + 2 · 4 row
  const [drow] = backward(ops.reduceSum(y), [row]) as [Value];
  expect(drow.dims).toEqual([3]);
  const session = await nodeRuntime({ threads: 1 }).compile(graph({ drow }));
  const data = Float32Array.from({ length: 12 }, (_, i) => i);
  const results = await session.run({
    x: tensor("float32", [4, 3], data),
    row: tensor("float32", [3], Float32Array.of(1, 2, 3)),
  });
  await session.dispose();
  expect([...results.drow!.data]).toEqual([18 + 8, 22 + 16, 26 + 24]);
});

test("a parameter's own gradient is 1 where it is the loss", () => {
  const loss = input("loss", "float32", []);
  expect(types(backward(loss, [loss]))).toEqual([]);
});

test("what can't be differentiated is an error with a reason", () => {
  expect(() => backward(x, [x])).toThrow("the loss must be a scalar, it is f32[4,3]");
  expect(() => backward(ops.reduceSum(x), [a])).toThrow("the loss does not depend on a f32[1,3]");
  const picky: Op<"values" | "indices", object> = {
    type: "Picky",
    infer: ({ values }) => [values, values].map(({ dtype, dims }) => ({ dtype, dims })),
    vjp: { values: (dy) => dy, indices: "none" },
  };
  const [first, second] = emitAll(picky, { values: x, indices: a }, {}) as [Value, Value];
  expect(() => backward(ops.reduceSum(first), [a])).toThrow("input indices of Picky has no gradient");
  expect(() => backward(ops.reduceSum(second), [x])).toThrow("only the first output of Picky has a gradient");
  expect(backward(ops.reduceSum(first), [x])).toHaveLength(1);
});
