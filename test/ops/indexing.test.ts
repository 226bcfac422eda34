import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { graph } from "../../src/graph/graph.ts";
import { constant, input, type Value } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { concat, gather, mul, oneHot, reduceSum, relu, sign, topK } from "../../src/ops/index.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";

const floats = (dims: readonly number[], ...values: number[]): Tensor<"float32"> =>
  tensor("float32", dims, Float32Array.from(values));

async function results(outputs: Readonly<Record<string, Value>>, x: Tensor): Promise<Record<string, Tensor>> {
  const session = await nodeRuntime({ threads: 1 }).compile(graph(outputs));
  const found = await session.run({ x });
  await session.dispose();
  return found;
}

const numbersOf = (value: Tensor | undefined): number[] =>
  Array.from(value!.data as ArrayLike<number>, Number);

test("gather takes slices in the order of their numbers, and gives a slice taken twice both gradients", async () => {
  const x = input("x", "float32", [3, 2]);
  const indices = constant(tensor("int32", [2, 2], Int32Array.of(2, 0, 2, 2)));
  const rows = gather(x, indices);
  const [dx] = backward(reduceSum(mul(rows, constant(floats([2, 2, 1], 1, 10, 100, 1000)))), [x]);
  const columns = gather(x, constant(tensor("int64", [1], BigInt64Array.of(1n))), -1);
  const found = await results({ rows, dx: dx!, columns }, floats([3, 2], 1, 2, 3, 4, 5, 6));
  expect(rows.dims).toEqual([2, 2, 2]);
  expect(numbersOf(found.rows)).toEqual([5, 6, 1, 2, 5, 6, 5, 6]);
  expect(numbersOf(found.dx)).toEqual([10, 10, 0, 0, 1101, 1101]);
  expect(found.columns!.dims).toEqual([3, 1]);
  expect(numbersOf(found.columns)).toEqual([2, 4, 6]);
});

test("topK has the largest first, the earlier of equal ones, and says where they are", async () => {
  const { values, indices } = topK(input("x", "float32", [2, 4]), 3);
  const found = await results(
    { values, indices, rows: oneHot(indices, 4) },
    floats([2, 4], 1, 7, 3, 7, -1, -2, 0, -3),
  );
  expect(numbersOf(found.values)).toEqual([7, 7, 3, 0, -1, -2]);
  expect(found.indices!.dtype).toBe("int64");
  expect(numbersOf(found.indices)).toEqual([1, 3, 2, 2, 0, 1]);
  expect(numbersOf(found.rows).slice(0, 12)).toEqual([0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0]);
});

test("relu, sign and concat at and around zero", async () => {
  const x = input("x", "float32", [3]);
  const [slope] = backward(reduceSum(relu(x)), [x]);
  const all = concat([relu(x), sign(x), slope!], 0);
  expect(numbersOf((await results({ all }, floats([3], -2, 0, 3))).all)).toEqual([
    0, 0, 3, -1, 0, 1, 0, 0, 1,
  ]);
});
