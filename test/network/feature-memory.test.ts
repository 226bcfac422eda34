/** @file What a network remembers of images: the same numbers, without a run of a graph. */
import { describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import type { MethodContext } from "../../src/methods/method.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { promptTokens } from "../../src/network/prompt-tokens.ts";
import { int8Precision } from "../../src/nn/precision.ts";
import { filledTensor } from "../../src/tensor/tensor.ts";
import { patternDataset, patternImage } from "../../src/testing/patterns.ts";
import { recording } from "../support/recording-runtime.ts";
import { methodOf, oneThread, runMethod, stateBytes, testContext } from "../support/run-method.ts";

const MICRO_BATCH = 4; // of `testContext`
const WIDTH = 32;

function batchOf(...numbers: readonly number[]) {
  const images = numbers.map((number) => patternImage({ label: number % 4, domain: 0, number, use: "new" }));
  return { images: new Uint8Array(Buffer.concat(images)), count: numbers.length };
}

/** A network that remembers, one that doesn't, and the runs of the first one's graph. */
function both(changes: Partial<MethodContext> = {}, adapted = false) {
  const seen = recording(oneThread);
  const adaptations = adapted ? [promptTokens({ count: 1, width: WIDTH })] : [];
  const make = (context: Partial<MethodContext>) =>
    new AdaptedNetwork({ ...testContext(), ...context }, adaptations);
  return {
    seen,
    network: make({ runtime: seen.runtime, rememberedBytes: 2 ** 20, ...changes }),
    plain: make({ ...changes, rememberedBytes: 0 }),
  };
}

describe("a network that remembers", () => {
  test("computes images that come again, in any order and company, once", async () => {
    const { network, plain, seen } = both();
    for (const [numbers, runs] of [
      [[0, 1, 2, 3, 4], 2],
      [[4, 2, 0], 0],
      [[5, 1, 5, 6], 1], // twice in a batch is once, too
      [[0, 1, 2, 3, 4, 5, 6], 0],
    ] as const) {
      seen.features.length = 0;
      const batch = batchOf(...numbers);
      expect(await network.features(batch)).toEqual(await plain.features(batch));
      expect(seen.features).toHaveLength(runs);
    }
    await Promise.all([network.dispose(), plain.dispose()]);
  });

  test("forgets what was asked for longest ago where there is no room, and stays right", async () => {
    const { network, plain, seen } = both({ rememberedBytes: 3 * 4 * WIDTH });
    const runsFor = async (...numbers: readonly number[]): Promise<number> => {
      seen.features.length = 0;
      const batch = batchOf(...numbers);
      expect(await network.features(batch)).toEqual(await plain.features(batch));
      return seen.features.length;
    };
    expect([await runsFor(0), await runsFor(1), await runsFor(2), await runsFor(0)]).toEqual([1, 1, 1, 0]);
    expect([await runsFor(3), await runsFor(0), await runsFor(1)]).toEqual([1, 0, 1]); // 3 pushed 1 out
    await Promise.all([network.dispose(), plain.dispose()]);
  });

  test("forgets all when its weights change", async () => {
    const { network, plain, seen } = both({}, true);
    for (const value of [0.1, 0.7]) {
      const values = { prompts: filledTensor([1, WIDTH], value) };
      for (const each of [network, plain]) each.merge(values);
      seen.features.length = 0;
      expect(await network.features(batchOf(0, 1))).toEqual(await plain.features(batchOf(0, 1)));
      expect(seen.features).toHaveLength(1);
    }
    await Promise.all([network.dispose(), plain.dispose()]);
  });

  test("knows runs as a whole in 8 bits: their images share their scales", async () => {
    const { network, plain, seen } = both({ precision: int8Precision({ layers: 2, largestWeight: 63 }) });
    for (const [numbers, runs] of [
      [[0, 1, 2, 3, 4], 2],
      [[0, 1, 2, 3, 4], 0],
      [[0, 1, 2, 3, 5, 6], 1],
      [[1, 0, 2, 3], 1], // another run
    ] as const) {
      seen.features.length = 0;
      const batch = batchOf(...numbers);
      expect(await network.features(batch)).toEqual(await plain.features(batch));
      expect(seen.features).toHaveLength(runs);
    }
    await Promise.all([network.dispose(), plain.dispose()]);
  });
});

const TASKS = 3;
const stream = classIncremental(patternDataset({ classes: 6, trainPerClass: 4, testPerClass: 2 }), {
  tasks: TASKS,
  orderSeed: null,
});

test.each(METHODS.map(({ name }) => name))(
  "a run of %s writes the same bytes with and without",
  async (name) => {
    const runs = [];
    for (const rememberedBytes of [0, 2 ** 20]) {
      const seen = recording(oneThread);
      const run = await runMethod(name, stream, {
        runtime: seen.runtime,
        epochs: 1,
        rememberedBytes,
        ...(methodOf(name).traits.heads === "any"
          ? { heads: ["all"], headOptions: { randomFeatures: 50 } }
          : {}),
      });
      runs.push({
        states: run.states.map(stateBytes),
        correct: run.record.correct,
        losses: run.losses,
        graphRuns: seen.features.length,
      });
    }
    const [without, remembering] = runs as [(typeof runs)[0], (typeof runs)[0]];
    expect({ ...remembering, graphRuns: 0 }).toEqual({ ...without, graphRuns: 0 });
    expect(remembering.graphRuns).toBeLessThanOrEqual(without.graphRuns);
    // Queries of the same views in every epoch, before and after training, and features that don't move any more.
    const { forwardPasses, trains } = methodOf(name).traits;
    if (forwardPasses === 2 || (trains !== "every task" && name !== "joint"))
      expect(remembering.graphRuns).toBeLessThan(without.graphRuns);
  },
);

test.each(["ncm", "lda"])("%s computes every image once", async (name) => {
  const seen = recording(oneThread);
  await runMethod(name, stream, {
    runtime: seen.runtime,
    heads: ["all"],
    headOptions: { randomFeatures: 50 },
  });
  const { train, test: tested } = stream.tasks[0]!;
  const runsOf = (images: number): number => Math.ceil(images / MICRO_BATCH);
  // A pass over each task's training images for their statistics; of test images each task brings its own.
  expect(seen.features).toHaveLength(TASKS * (runsOf(train.length) + runsOf(tested.length)));
});
