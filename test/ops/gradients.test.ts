import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { topologicalOrder } from "../../src/graph/graph.ts";
import { emit, type Op } from "../../src/graph/op.ts";
import { input } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
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

const isOp = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "vjp" in value && "infer" in value;

/** Names of the operators among some exports that the gradient check doesn't walk. */
const unlisted = (exports: object): string[] =>
  Object.entries(exports)
    .filter(([, value]) => isOp(value) && !(ALL_OPS as readonly unknown[]).includes(value))
    .map(([name]) => name);

test("every operator is listed", async () => {
  const folder = fileURLToPath(new URL("../../src/ops", import.meta.url));
  const files = readdirSync(folder).filter((file) => file !== "index.ts");
  let found = 0;
  for (const file of files) {
    const exports = (await import(join(folder, file))) as object;
    found += Object.values(exports).filter(isOp).length;
    expect(unlisted(exports), file).toEqual([]);
  }
  expect(found).toBe(ALL_OPS.length);
  expect(unlisted({ mulOp, copyOp: { ...mulOp }, scale: 2 })).toEqual(["copyOp"]);
});

test("every operator has a sample", () => {
  const sampled = new Set<unknown>(
    SAMPLES.flatMap(({ inputs, apply }) => {
      const values = Object.fromEntries(
        Object.entries(inputs).map(([name, dims]) => [name, input(name, "float64", dims)]),
      );
      return topologicalOrder([apply(values)]).map(({ op }) => op);
    }),
  );
  // Rounding has no difference quotient: quantized.test.ts compares these with exact products.
  for (const op of [dynamicQuantizeOp, quantizedLinearOp, quantizedMatmulOp]) sampled.add(op);
  expect(ALL_OPS.filter((op) => !sampled.has(op)).map(({ type }) => type)).toEqual([]);
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
