import { expect, test } from "vitest";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { emit, type Op } from "../../src/graph/op.ts";
import { input } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime.ts";
import {
  ALL_OPS,
  dynamicQuantizeOp,
  mul,
  mulOp,
  quantizedLinearOp,
  quantizedMatmulOp,
} from "../../src/ops/index.ts";
import { agrees, compareGradients } from "./gradient-check.ts";
import { SAMPLES } from "./samples.ts";

const runtime = nodeRuntime({ threads: 1 });

test.each(SAMPLES)("gradient of $name equals central differences", async (sample) => {
  for (const [name, analytic, numeric] of await compareGradients(runtime, sample)) {
    expect(
      agrees(analytic, numeric, sample.dtype),
      `d ${name}: ${analytic} by backward, ${numeric} by differences`,
    ).toBe(true);
  }
});

test("every operator has a sample", () => {
  const sampled = new Set(
    SAMPLES.flatMap(({ inputs, apply }) => {
      const values = Object.fromEntries(
        Object.entries(inputs).map(([name, dims]) => [name, input(name, "float64", dims)]),
      );
      return topologicalOrder([apply(values)]).map(({ op }) => op.type);
    }),
  );
  // Rounding has no difference quotient: quantized.test.ts compares these with exact products.
  for (const { type } of [dynamicQuantizeOp, quantizedLinearOp, quantizedMatmulOp]) sampled.add(type);
  expect(ALL_OPS.filter(({ type }) => !sampled.has(type)).map(({ type }) => type)).toEqual([]);
});

test("the check fails a wrong gradient rule", async () => {
  const wrong: Op<"a" | "b", object> = {
    ...mulOp,
    vjp: { ...mulOp.vjp, b: (dy, { inputs }) => mul(dy, inputs.b) },
  };
  const [right, caught] = await compareGradients(runtime, {
    name: "mul with a wrong rule for b",
    inputs: { a: [3], b: [3] },
    apply: ({ a, b }) => emit(wrong, { a: a!, b: b! }, {}),
  });
  expect(agrees(right![1], right![2])).toBe(true);
  expect(agrees(caught![1], caught![2])).toBe(false);
});
