import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { adamw, type Optimizer, sgd } from "../../src/optim/optimizer.ts";
import { constantRate, warmupCosine } from "../../src/optim/schedule.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";

/** Made by torch-goldens.py. */
const goldens = JSON.parse(readFileSync(new URL("torch-goldens.json", import.meta.url), "utf8")) as {
  start: number[][];
  /** [step][parameter] */
  gradients: number[][][];
  rates: number[];
  factors: number[];
  runs: Record<string, number[][][]>;
};

const OPTIMIZERS: Readonly<Record<string, () => Optimizer>> = {
  adamw: () => adamw(),
  "adamw decay": () => adamw({ beta1: 0.8, beta2: 0.95, epsilon: 1e-3, weightDecay: 0.1 }),
  sgd: () => sgd(),
  "sgd decay": () => sgd({ momentum: 0.5, weightDecay: 0.1 }),
};

const parametersAt = (values: readonly (readonly number[])[]) =>
  values.map((start, i) => ({ name: `p${i}`, rate: goldens.rates[i]!, data: Float32Array.from(start) }));
const named = (values: readonly (readonly number[])[]): Record<string, Float32Array> =>
  Object.fromEntries(values.map((value, i) => [`p${i}`, Float32Array.from(value)]));

describe.each(Object.entries(OPTIMIZERS))("%s", (name, make) => {
  test("takes PyTorch's steps, each parameter with its own rate", () => {
    const optimizer = make();
    const parameters = parametersAt(goldens.start);
    for (const [step, gradients] of goldens.gradients.entries()) {
      optimizer.step(parameters, named(gradients), goldens.factors[step]!);
      for (const [i, { data }] of parameters.entries()) {
        for (const [k, expected] of goldens.runs[name]![step]![i]!.entries()) {
          expect(Math.abs(data[k]! - expected), `step ${step}, p${i}[${k}]`).toBeLessThan(1e-6);
        }
      }
    }
  });

  test("goes on from its saved state as if it had not stopped, bit for bit", () => {
    const [whole, before, after] = [make(), make(), make()];
    const [straight, resumed] = [parametersAt(goldens.start), parametersAt(goldens.start)];
    for (const [step, gradients] of goldens.gradients.entries()) {
      whole.step(straight, named(gradients), goldens.factors[step]!);
      const own = step === 0 ? before : after;
      own.step(resumed, named(gradients), goldens.factors[step]!);
      if (step === 0) after.load(decodeSafetensors(encodeSafetensors(before.state()), "f").tensors);
    }
    expect(resumed).toEqual(straight);
    expect(after.state()).toEqual(whole.state());
  });

  test("gives a state that later steps leave alone", () => {
    const optimizer = make();
    optimizer.step(parametersAt(goldens.start), named(goldens.gradients[0]!), 1);
    const state = optimizer.state();
    const copy = structuredClone(state);
    optimizer.step(parametersAt(goldens.start), named(goldens.gradients[1]!), 1);
    expect(state).toEqual(copy);
  });
});

test("AdamW's first step is the rate, whatever the gradient's size", () => {
  const parameters = [{ name: "w", rate: 0.1, data: Float32Array.of(1, 1, 1) }];
  adamw().step(parameters, { w: Float32Array.of(0.5, -400, 0) }, 1);
  expect([...parameters[0]!.data]).toEqual([0.9, 1.1, 1].map(Math.fround));
});

test("SGD with momentum 0.5: v = 2, then 0.5 * 2 + 1 = 2, so w = 1 - 0.1 * (2 + 2)", () => {
  const optimizer = sgd({ momentum: 0.5 });
  const parameters = [{ name: "w", rate: 0.1, data: Float32Array.of(1) }];
  optimizer.step(parameters, { w: Float32Array.of(2) }, 1);
  optimizer.step(parameters, { w: Float32Array.of(1) }, 1);
  expect(parameters[0]!.data[0]).toBeCloseTo(0.6, 6);
});

describe("schedules", () => {
  const points = Array.from({ length: 1001 }, (_, i) => i / 1000);
  test("warmupCosine rises over the first tenth, falls to zero and never jumps", () => {
    for (const [i, progress] of points.entries()) {
      const factor = warmupCosine(progress);
      expect(factor).toBeGreaterThanOrEqual(0);
      expect(factor).toBeLessThanOrEqual(1);
      const next = warmupCosine(points[i + 1] ?? 1);
      if (progress < 0.099) expect(next).toBeGreaterThan(factor);
      if (progress >= 0.1 && progress < 1) expect(next).toBeLessThan(factor);
      expect(Math.abs(next - factor)).toBeLessThan(0.011);
    }
    expect(warmupCosine(0)).toBeGreaterThan(0); // a first step that does nothing would only warm Adam's moments
    expect(warmupCosine(0.1)).toBeCloseTo(1, 12);
    expect(warmupCosine(0.55)).toBeCloseTo(0.5, 12);
    expect(warmupCosine(1)).toBeCloseTo(0, 12);
  });

  test("constantRate is 1", () => {
    expect(points.map(constantRate).every((factor) => factor === 1)).toBe(true);
  });
});

test.each([adamw, sgd])("a parameter's own weight decay stands in for the optimizer's", (make) => {
  const moved = (decay: number | undefined, standard: number): number[] => {
    const data = Float32Array.of(1, -2);
    const parameter = { name: "w", data, rate: 0.1, ...(decay === undefined ? {} : { decay }) };
    const optimizer = make({ weightDecay: standard });
    for (let step = 0; step < 3; step++) optimizer.step([parameter], { w: Float32Array.of(0.5, 0.25) }, 1);
    return [...data];
  };
  expect(moved(0.3, 0)).toEqual(moved(undefined, 0.3));
  expect(moved(0, 0.3)).toEqual(moved(undefined, 0));
  expect(moved(0.3, 0)).not.toEqual(moved(0, 0));
});
