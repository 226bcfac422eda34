import fc from "fast-check";
import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { CoreUpdate } from "../../../src/methods/fm-lora/core-update.ts";
import {
  chosenRank,
  complexity,
  drawGate,
  gateGradient,
  nestedGate,
  priorLogits,
  rankChoices,
} from "../../../src/methods/fm-lora/rank-selector.ts";
import { asMatrix, asTensor, softProjector } from "../../../src/methods/fm-lora/subspace.ts";
import { flatten32 } from "../../../src/tensor/linear-algebra.ts";
import { Rng } from "../../../src/tensor/rng.ts";

const R = 4;
const normal = (rng: Rng, rows = R, columns = R): Matrix =>
  new Matrix(Array.from({ length: rows }, () => Array.from({ length: columns }, () => rng.normal())));

/** An update with random everything. */
function updateAt(seed: number, changes: { gradient?: Matrix; choices?: number[] } = {}) {
  const rng = Rng.at("update", seed);
  const half = normal(rng);
  const choices = changes.choices ?? [0, 2, R];
  const core = normal(rng);
  const update = new CoreUpdate({
    site: "s",
    core: asTensor(core),
    projector: softProjector(half.mmul(half.transpose()), 0.3),
    gradient: changes.gradient ?? normal(rng),
    rate: 0.1,
    choices,
    logits: Float32Array.from(choices, () => 0.3 * rng.normal()),
    gateRate: 0.1,
  });
  return { update, rng, core };
}

/** Trained array of the update by its last name; writing to it moves the update. */
const arrayOf = (update: CoreUpdate, name: string): Float32Array =>
  update.parameters.find((parameter) => parameter.name === `s.${name}`)!.data;

describe("CoreUpdate", () => {
  test("starts at the core itself and leaves it where nothing is trained", () => {
    const { update, core } = updateAt(1);
    const start = asTensor(core);
    expect(update.sample(1, Rng.at(1))).toEqual(start);
    expect(update.final()).toEqual(start);
  });

  test("starts M with orthonormal rows whose first carries most of G P, and with the identity for G = 0", () => {
    const gradient = Matrix.zeros(R, R);
    gradient.set(1, 2, 5);
    const free = new CoreUpdate({
      site: "s",
      core: asTensor(Matrix.eye(R, R)),
      projector: Matrix.eye(R, R),
      gradient,
      rate: 1,
      choices: [R],
      logits: new Float32Array(1),
      gateRate: 1,
    });
    const m = [...arrayOf(free, "m")];
    expect(
      m
        .slice(0, R)
        .map(Math.abs)
        .map((x) => Math.round(1e6 * x) / 1e6),
    ).toEqual([0, 0, 1, 0]);
    const rows = Matrix.from1DArray(R, R, m);
    expect(Matrix.sub(rows.mmul(rows.transpose()), Matrix.eye(R, R)).norm("frobenius")).toBeLessThan(1e-6);
    const still = updateAt(2, { gradient: Matrix.zeros(R, R) });
    expect([...arrayOf(still.update, "m")]).toEqual(Matrix.eye(R, R).to1DArray());
  });

  test.each(["n", "m"])("pullBack agrees with differences for %s", (name) => {
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        const { update, rng } = updateAt(seed);
        for (const array of [arrayOf(update, "n"), arrayOf(update, "m")])
          array.set(Float32Array.from(array, () => rng.normal()));
        const direction = flatten32(normal(rng)); // L = Σ direction C is linear in C, bilinear in N and M
        const loss = (): number => {
          const core = update.sample(1, Rng.at("draw", seed)); // the same draw every time
          return core.data.reduce((sum, value, i) => sum + value * direction[i]!, 0);
        };
        loss();
        const analytic = update.pullBack(direction)[`s.${name}`]!;
        const array = arrayOf(update, name);
        const scale = 1 + Math.hypot(...analytic);
        for (let i = 0; i < array.length; i++) {
          const before = array[i]!;
          array[i] = before + 0.5; // exact for a linear function: a large step loses least to float32
          const high = loss();
          array[i] = before - 0.5;
          const low = loss();
          array[i] = before;
          expect(Math.abs(high - low - analytic[i]!)).toBeLessThan(1e-4 * scale);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("a projector of zeros stops every change", () => {
    const options = {
      site: "s",
      core: asTensor(Matrix.eye(R, R)),
      gradient: normal(Rng.at(1)),
      rate: 1,
      gateRate: 1,
    };
    const blocked = new CoreUpdate({
      ...options,
      projector: Matrix.zeros(R, R),
      choices: [R],
      logits: new Float32Array(1),
    });
    arrayOf(blocked, "n").fill(3);
    expect(asMatrix(blocked.final())).toEqual(Matrix.eye(R, R));
  });

  test("final uses the leading rows of the likeliest rank alone", () => {
    const { update, rng } = updateAt(3);
    arrayOf(update, "n").set(flatten32(normal(rng)));
    arrayOf(update, "gate").set([0, 5, 0]);
    expect(update.rank).toBe(2);
    const two = update.final();
    arrayOf(update, "m").fill(9, 2 * R); // rows 2 and 3 are shut
    expect(update.final()).toEqual(two);
    arrayOf(update, "m").fill(9, R); // row 1 is not
    expect(update.final()).not.toEqual(two);
  });

  test("has no gate to train where there is one choice", () => {
    const { update } = updateAt(4, { choices: [R] });
    expect(update.parameters.map(({ name }) => name)).toEqual(["s.n", "s.m"]);
    expect(update.rank).toBe(R);
  });
});

describe("rank selector", () => {
  test.each([
    [1, [0, 1]],
    [2, [0, 2]],
    [8, [0, 2, 4, 8]],
    [12, [0, 2, 4, 8, 12]],
    [16, [0, 2, 4, 8, 16]],
    [100, [0, 2, 4, 8, 16, 32, 64, 100]],
  ])("rankChoices(%i) is %j", (limit, choices) => {
    expect(rankChoices(limit)).toEqual(choices);
  });

  test("complexity is finite for zero matrices, the rank for a free gradient, 0 for the core's own direction", () => {
    const zero = Matrix.zeros(R, R);
    expect(complexity(zero, Matrix.eye(R, R))).toBe(0);
    expect(complexity(zero, zero)).toBe(0);
    expect(complexity(Matrix.eye(R, R), zero)).toBeCloseTo(R, 10);
    expect(complexity(Matrix.eye(R, R), Matrix.mul(Matrix.eye(R, R), -3))).toBeCloseTo(0, 10);
    expect(complexity(Matrix.diag([1, -1, 1, -1]), Matrix.eye(R, R))).toBeCloseTo(R, 10);
  });

  test("priorLogits peak at the choice nearest the target on a log scale, and stay finite", () => {
    const choices = rankChoices(16);
    const peak = (target: number): number => chosenRank(priorLogits(choices, target), choices);
    expect([0, 0.5, 1.9, 3, 6, 10, 30].map(peak)).toEqual([0, 0, 2, 4, 8, 8, 16]);
    expect(priorLogits(choices, 4)[2]).toBeCloseTo(0, 12);
  });

  test("drawGate depends on its generator alone; the hard gate is nested and belongs to a choice", () => {
    const choices = rankChoices(8);
    const logits = priorLogits(choices, 3);
    const draw = (seed: number) => drawGate(logits, choices, 0.7, Rng.at(seed));
    const seen = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      expect(draw(seed)).toEqual(draw(seed));
      const { gate, soft } = draw(seed);
      const rank = gate.reduce((sum, value) => sum + value, 0);
      seen.add(rank);
      expect(gate).toEqual(nestedGate(rank, 8));
      expect(soft.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 10);
      expect(choices[soft.indexOf(Math.max(...soft))]).toBe(rank);
    }
    expect([...seen].sort((x, y) => x - y)).toEqual(choices);
  });

  test("draws of the gate follow the softmax of the logits", () => {
    const choices = [0, 2, 4];
    const logits = Float32Array.from([0.2, 0.5, 0.3], Math.log);
    const rng = Rng.at("frequencies");
    const counts = new Map<number, number>();
    for (let i = 0; i < 5000; i++) {
      const rank = drawGate(logits, choices, 1.5, rng).gate.reduce((sum, value) => sum + value, 0);
      counts.set(rank, (counts.get(rank) ?? 0) + 1);
    }
    expect(counts.get(0)! / 5000).toBeCloseTo(0.2, 1);
    expect(Math.abs(counts.get(2)! / 5000 - 0.5)).toBeLessThan(0.03);
  });

  test("gateGradient agrees with differences of the soft gate g_k = Σ over choices above k of y", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.double({ min: 0.5, max: 2, noNaN: true }), (seed, temperature) => {
        const rng = Rng.at("gate", seed);
        const choices = rankChoices(8);
        const logits = Float64Array.from(choices, () => rng.normal());
        const dGate = Array.from({ length: 8 }, () => rng.normal());
        /** Σ dGate g for the draw's own noise, in float64. */
        const loss = (values: Float64Array): number => {
          const noise = Rng.at("noise", seed);
          const noisy = Array.from(values, (value) => Math.exp((value + noise.gumbel()) / temperature));
          const sum = noisy.reduce((total, value) => total + value, 0);
          return dGate.reduce((total, d, k) => {
            const open = noisy.reduce((g, value, j) => (choices[j]! > k ? g + value / sum : g), 0);
            return total + d * open;
          }, 0);
        };
        const draw = drawGate(Float32Array.from(logits), choices, temperature, Rng.at("noise", seed));
        const analytic = gateGradient(dGate, draw, choices, temperature);
        for (let j = 0; j < choices.length; j++) {
          const [high, low] = [1e-5, -1e-5].map((step) => loss(logits.with(j, logits[j]! + step))) as [
            number,
            number,
          ];
          expect(Math.abs((high - low) / 2e-5 - analytic[j]!)).toBeLessThan(1e-5);
        }
      }),
      { numRuns: 50 },
    );
  });
});
