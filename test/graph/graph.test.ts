import { expect, test } from "vitest";
import { graph, topologicalOrder } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import * as ops from "../../src/ops/index.ts";

const x = (dims: readonly number[]) => input("x", "float32", dims);

test.each([
  ["matmul", () => ops.matmul(x([8, 64]), x([32, 10])), ["f32[8,64]", "f32[32,10]", "64 != 32"]],
  ["matmul, leading axes", () => ops.matmul(x([2, 4, 4]), x([3, 4, 4])), ["f32[2,4,4]", "f32[3,4,4]"]],
  ["matmul, types", () => ops.matmul(x([2, 2]), input("y", "float64", [2, 2])), ["f32[2,2]", "f64[2,2]"]],
  ["matmul, a vector", () => ops.matmul(x([2]), x([2, 3])), ["f32[2]", "f32[2,3]"]],
  ["add", () => ops.add(x([2, 3]), x([4])), ["f32[2,3]", "f32[4]"]],
  ["mul, types", () => ops.mul(x([2]), input("y", "int64", [2])), ["f32[2]", "i64[2]"]],
  ["reshape", () => ops.reshape(x([2, 3]), [7]), ["f32[2,3]", "[7]"]],
  ["transpose", () => ops.transpose(x([2, 3]), [0, 0]), ["f32[2,3]", "[0,0]"]],
  ["expand", () => ops.expand(x([2, 3]), [4, 3]), ["f32[2,3]", "[4,3]"]],
  ["slice", () => ops.slice(x([2, 3]), 1, 2, 5), ["f32[2,3]", "2 to 5"]],
  ["concat", () => ops.concat([x([2, 3]), x([4, 5])], 0), ["f32[2,3]", "f32[4,5]"]],
  [
    "concat of three",
    () => ops.concat([x([2]), x([2]), input("y", "float64", [2])], 0),
    ["part 1 is f32[2], part 2 is f32[2], part 3 is f64[2]", "types differ"],
  ],
  ["concat, axes", () => ops.concat([x([2, 3]), x([2])], 0), ["f32[2,3]", "f32[2]", "numbers of axes"]],
  ["gather", () => ops.gather(x([2, 3]), x([4])), ["f32[2,3]", "f32[4]", "int32 or int64"]],
  ["topK", () => ops.topK(x([2, 3]), 4), ["f32[2,3]", "3 to choose 4 of"]],
  ["layerNorm", () => ops.layerNorm(x([2, 8]), x([4]), x([8]), 1e-6), ["f32[2,8]", "f32[4]", "[8]"]],
])("a shape error of %s shows all shapes", (_, build, shown) => {
  expect(build).toThrow(/^[^\n]+$/);
  for (const text of shown) expect(build).toThrow(text);
});

test("an axis out of range is named", () => {
  expect(() => ops.reduceSum(x([2, 3]), { axes: [2] })).toThrow(
    "reduceSum: axis 2 is outside a tensor of rank 2",
  );
  expect(() => ops.slice(x([2, 3]), -3, 0, 1)).toThrow("slice: axis -3");
});

test("concat gives a single value back and refuses none", () => {
  const only = x([2]);
  expect(ops.concat([only], 0)).toBe(only);
  expect(() => ops.concat([], 0)).toThrow("concat: there is nothing to join; pass at least one value");
});

test("two inputs of one name are an error, one input used twice is not", () => {
  const first = x([2]);
  expect(() => graph({ y: ops.add(first, x([2])) })).toThrow("two inputs are named x");
  expect([...graph({ y: ops.add(first, first) }).inputs.keys()]).toEqual(["x"]);
});

test("a graph holds what its outputs need, once, each node after those it reads", () => {
  const shared = ops.exp(x([2]));
  const unused = ops.log(shared);
  const { nodes } = graph({ a: ops.neg(shared), b: ops.mul(shared, ops.neg(shared)) });
  expect(nodes.map(({ op }) => op.type)).toEqual(["Exp", "Neg", "Neg", "Mul"]);
  expect(nodes).not.toContain(unused.source.kind === "node" && unused.source.node);
});

test("a graph of a hundred thousand nodes is walked without recursion", () => {
  let y = x([1]);
  for (let i = 0; i < 100_000; i++) y = ops.neg(y);
  expect(topologicalOrder([y]).length).toBe(100_000);
});
