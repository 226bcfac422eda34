/** @file Inputs that never change, as constants of the graph. */
import { expect, test } from "vitest";
import { graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { add, matmul, scale } from "../../src/ops/index.ts";
import { holding } from "../../src/runtime/lowered.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const x = tensor("float32", [1, 2], Float32Array.of(1, 2));
const w = tensor("float32", [2, 2], Float32Array.of(1, 0, 3, 1));
const value = input("x", "float32", [1, 2]);
const whole = graph({ y: add(matmul(value, input("w", "float32", [2, 2])), scale(value, 0)) });

test("are no longer asked for, and what is fed in their place is not read", async () => {
  const held = holding(whole, { w, other: x });
  expect([...held.inputs.keys()]).toEqual(["x"]);
  const session = await nodeRuntime({ threads: 1 }).compile(held);
  const { y } = await session.run({ x, w: tensor("float32", [2, 2], new Float32Array(4)) });
  expect([...y!.data]).toEqual([7, 2]);
  await session.dispose();
});

test("without any the graph is as it was", () => {
  expect([...holding(whole, {}).inputs.keys()].sort()).toEqual(["w", "x"]);
});

test("of another shape are refused", () => {
  expect(() => holding(whole, { w: x })).toThrow("compile: input w is f32[1,2], the graph wants f32[2,2]");
});
