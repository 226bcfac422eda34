/** @file SD-LoRA freezes directions, goes on training magnitudes, and starts a task where the last one ended. */
import { expect, test } from "vitest";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { float32Data, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps } from "../support/one-task.ts";
import { testContext } from "../support/run-method.ts";

const WIDTH = 32;
const RANK = 3;
const options = { rank: RANK, basesRate: 5, magnitudeRate: 0.5, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2]), patternBatch([4, 5, 5, 4])];
const SITES = [0, 1].flatMap((block) => [`blocks.${block}.query`, `blocks.${block}.value`]);
const numbers = (value: Tensor | undefined): number[] => [...float32Data(value!)];
const norm = (value: Tensor | undefined): number => Math.hypot(...numbers(value));

/** W0 + Σ_s α_s B_s A_s of a site, in plain numbers. */
function weightOf(state: Readonly<Record<string, Tensor>>, site: string, scalesOf: string): Float32Array {
  const frozen = testContext().backbone.weights[`${site}.weight`]!.data;
  const [a, b, scales] = [
    numbers(state[`${site}.a`]),
    numbers(state[`${site}.b`]),
    numbers(state[`${scalesOf}.scales`]),
  ];
  const [pastA, pastB] = [state[`${site}.past.a`], state[`${site}.past.b`]].map((past) =>
    past ? numbers(past) : [],
  );
  return frozen.map((weight, i) => {
    const [out, at] = [Math.floor(i / WIDTH), i % WIDTH];
    let sum = weight;
    for (let r = 0; r < RANK; r++) sum += scales.at(-1)! * b[out * RANK + r]! * a[r * WIDTH + at]!;
    for (let row = 0; row < pastA!.length / WIDTH; row++)
      sum += scales[Math.floor(row / RANK)]! * pastB![row * WIDTH + out]! * pastA![row * WIDTH + at]!;
    return sum;
  });
}

test.each([false, true])(
  "W = W0 + Σ α B A after three tasks, resetMagnitudes %s",
  async (resetMagnitudes) => {
    const learner = learnerOf("sd-lora", { options: { ...options, resetMagnitudes } });
    for (const [index, batch] of batches.entries()) await learn(learner, batch, 3, index);
    const state = learner.state();
    const context = testContext();
    const weights = { ...context.backbone.weights };
    for (const site of SITES) {
      const own = weightOf(state, site, resetMagnitudes ? "all" : site);
      weights[`${site}.weight`] = tensor("float32", [WIDTH, WIDTH], own);
    }
    const bare = new AdaptedNetwork({ ...context, backbone: { ...context.backbone, weights } });
    const [features, expected] = [await learner.features(batches[0]!), await bare.features(batches[0]!)];
    const untouched = await learnerOf("sd-lora").features(batches[0]!);
    for (const [i, value] of features.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
    expect(Math.hypot(...features.map((value, i) => value - untouched[i]!))).toBeGreaterThan(0.05);
    for (const each of [learner, bare]) await each.dispose();
  },
);

test("past directions have length 1 and stay bit for bit, while all magnitudes move", async () => {
  const learner = learnerOf("sd-lora", { options });
  await learn(learner, batches[0]!, 3);
  const first = learner.state();
  const training = await learn(learner, batches[1]!, 3, 1);
  expect(training.size).toBe(SITES.length * (2 * WIDTH * RANK + 2) + 2 * (WIDTH + 1));
  const second = learner.state();
  for (const site of SITES) {
    expect(norm(first[`${site}.a`])).toBeCloseTo(1, 5);
    expect(norm(first[`${site}.b`])).toBeCloseTo(1, 5);
    expect(numbers(second[`${site}.past.a`])).toEqual(numbers(first[`${site}.a`]));
    expect(numbers(second[`${site}.past.b`]).sort()).toEqual(numbers(first[`${site}.b`]).sort());
    expect(numbers(second[`${site}.scales`])).toHaveLength(2);
    expect(numbers(second[`${site}.scales`])[0]).not.toBe(numbers(first[`${site}.scales`])[0]);
  }
  await learner.dispose();
});

test("a task starts where the last one ended; with the published reset it does not", async () => {
  const jump = async (resetMagnitudes: boolean): Promise<number> => {
    const learner = learnerOf("sd-lora", {
      options: { ...options, resetMagnitudes, basesRate: 1e-9, magnitudeRate: 1e-9, headRate: 1e-9 },
    });
    const other = learnerOf("sd-lora", { options: { ...options, resetMagnitudes } });
    await learn(other, batches[0]!, 3);
    await learner.load(other.state());
    const before = await learner.features(batches[0]!);
    await steps(learner, batches[1]!, 1, 1);
    await learn(learner, batches[1]!, 1, 1); // a task that moves nothing by itself
    const after = await learner.features(batches[0]!);
    for (const each of [learner, other]) await each.dispose();
    return Math.hypot(...after.map((value, i) => value - before[i]!));
  };
  expect(await jump(false)).toBeLessThan(1e-4);
  expect(await jump(true)).toBeGreaterThan(1e-2);
});

test("an image takes one forward pass", async () => {
  expect(await forwardPasses("sd-lora", 3)).toBe(1);
});
