/** @file Answers for one image and for many: graphs of both sizes say the same, to the last bit. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import type { MethodContext } from "../../src/methods/method.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { FEATURES } from "../../src/network/features.ts";
import { int8Precision } from "../../src/nn/precision.ts";
import { patternDataset, patternImage } from "../../src/testing/patterns.ts";
import { untrainedModel } from "../../src/testing/train-method.ts";
import type { ContinualModel } from "../../src/train/model.ts";
import { type Recording, recording } from "../support/recording-runtime.ts";
import { type FinishedRun, oneThread, runMethod, testContext } from "../support/run-method.ts";

const stream = classIncremental(patternDataset({ classes: 4, trainPerClass: 4, testPerClass: 2 }), {
  tasks: 2,
  orderSeed: null,
});
const MICRO_BATCH = 4; // of `testContext`
const CLASSES = 4;

function batchOf(count: number) {
  const images = Array.from({ length: count }, (_, number) =>
    patternImage({ label: number % 4, domain: 0, number, use: "new" }),
  );
  return { images: new Uint8Array(Buffer.concat(images)), count };
}

/** Images of each run of a graph that gave features. */
const runsOf = (seen: Recording): number[] => seen.features.map(({ data, width }) => data.length / width);

describe.each(METHODS.map((method) => [method.name, method] as const))("%s", (name, method) => {
  let run: FinishedRun;
  const models: ContinualModel[] = [];
  let seen: Recording;

  beforeAll(async () => {
    run = await runMethod(name, stream, { epochs: 1, firstEpochs: 1 });
  });
  afterAll(() => Promise.all(models.map((model) => model.dispose())));

  async function opened(changes: Partial<MethodContext>): Promise<ContinualModel> {
    const model = untrainedModel(method, { ...run.context, rememberedBytes: 0, ...changes });
    await model.load(run.states.at(-1)!);
    models.push(model);
    return model;
  }

  test("answers of each image in a graph for one, as in a run that is filled up", async () => {
    seen = recording(oneThread);
    const filling = await opened({});
    const alone = await opened({ runtime: seen.runtime, oneByOne: true });
    const [head] = filling.heads.names as [string];
    for (const count of [1, 3, MICRO_BATCH, MICRO_BATCH + 2]) {
      const images = batchOf(count);
      seen.features.length = 0;
      const answer = await alone.answer(images, CLASSES, head);
      const passes = { tasks: 2, "tasks + 1": 3 }[method.traits.forwardPasses] ?? method.traits.forwardPasses;
      const full = Math.floor(count / MICRO_BATCH);
      const sizes = [...new Array(full).fill(MICRO_BATCH), ...new Array(count % MICRO_BATCH).fill(1)];
      const expected = sizes.flatMap((size) => new Array<number>(Number(passes)).fill(size));
      expect(runsOf(seen).sort()).toEqual(expected.sort()); // one pass for scores and distances
      expect(answer).toEqual(await filling.answer(images, CLASSES, head));
      seen.features.length = 0;
      expect(await alone.scores(images, CLASSES)).toEqual(await filling.scores(images, CLASSES));
      expect(runsOf(seen).sort()).toEqual(expected.sort()); // and one for all heads
    }
  });
});

test.each(FEATURES)("features %s are the same in both graphs", async (features) => {
  const images = batchOf(3);
  const found = [false, true].map(async (oneByOne) => {
    const network = new AdaptedNetwork({ ...testContext(), features, oneByOne });
    return network.features(images).finally(() => network.dispose());
  });
  const [filled, alone] = await Promise.all(found);
  expect(alone).toEqual(filled);
});

test("in 8 bits a run is filled up: its images share their scales", async () => {
  const seen = recording(oneThread);
  const network = new AdaptedNetwork({
    ...testContext({
      runtime: seen.runtime,
      precision: int8Precision({ layers: 2, largestWeight: 63 }),
    }),
    oneByOne: true,
  });
  await network.features(batchOf(1));
  await network.dispose();
  expect(runsOf(seen)).toEqual([MICRO_BATCH]);
});
