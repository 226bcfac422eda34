/** @file Features of more than CLS: what they are made of, in every method, and through a model's file. */
import { expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import { METHODS } from "../../src/methods/index.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import type { FEATURES } from "../../src/network/features.ts";
import { promptTokens } from "../../src/network/prompt-tokens.ts";
import { meanOf } from "../../src/nn/tokens.ts";
import { vitFeatures } from "../../src/nn/vit.ts";
import { weightFeeds, weightInputs } from "../../src/nn/weights.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { float32Data, tensor } from "../../src/tensor/tensor.ts";
import { patternDataset, patternImage } from "../../src/testing/index.ts";
import { tinyBackbone } from "../../src/testing/tiny-backbone.ts";
import { largestDifference } from "../parity/networks.ts";
import { methodOf, oneThread, runMethod, testContext } from "../support/run-method.ts";

const D = 32;
const context = testContext();
const { config, weights } = context.backbone;
const pixels = new Uint8Array(
  Buffer.concat([0, 1, 2, 3].map((number) => patternImage({ label: number, domain: 0, number, use: "x" }))),
);
const batch = { images: pixels, count: 4 };

/** Columns [from, from + D) of rows. */
const columns = (rows: Float32Array, width: number, from: number): Float32Array =>
  Float32Array.from({ length: 4 * D }, (_, i) => rows[Math.floor(i / D) * width + from + (i % D)]!);

/** The parts, from graphs of their own. */
async function parts(): Promise<Record<"cls" | "mean" | "previous", Float32Array>> {
  const images = input("images", "uint8", [4, config.imageSize, config.imageSize, 3]);
  const own = weightInputs();
  const session = await oneThread.compile(
    graph({
      cls: vitFeatures(config, own, images),
      mean: vitFeatures(config, own, images, { pool: (tokens) => meanOf(tokens, "patches") }),
      previous: vitFeatures(config, own, images, {}, { to: config.layers - 1 }),
    }),
  );
  const feed = tensor("uint8", [4, config.imageSize, config.imageSize, 3], pixels);
  const results = await session.run({ ...weightFeeds(weights), images: feed });
  await session.dispose();
  const of = (name: string): Float32Array => float32Data(results[name]!);
  return { cls: of("cls"), mean: of("mean"), previous: of("previous") };
}

test("CLS, the mean of the patches and CLS of the block before, each after the final norm", async () => {
  const expected = await parts();
  for (const [kind, names] of [
    ["cls", ["cls"]],
    ["cls+mean", ["cls", "mean"]],
    ["cls+mean+previous", ["cls", "mean", "previous"]],
  ] as const) {
    const network = new AdaptedNetwork({ ...context, features: kind });
    const features = await network.features(batch);
    expect(network.width).toBe(names.length * D);
    for (const [at, name] of names.entries())
      expect(largestDifference(columns(features, network.width, at * D), expected[name])).toBeLessThan(1e-5);
    const { features: observed } = await network.observe(batch, {});
    expect(largestDifference(observed, features)).toBeLessThan(1e-5);
    await network.dispose();
  }
});

test("prompts are no patches", async () => {
  const network = new AdaptedNetwork({ ...context, features: "cls+mean" }, [
    promptTokens({ count: 3, width: D }),
  ]);
  const { mean } = await parts();
  const prompts = tensor("float32", [3, D], new Float32Array(3 * D).fill(2));
  const { features } = await network.observe(batch, { prompts });
  // The patches have attended to the prompts; the prompts themselves are not in the mean.
  const found = columns(features, 2 * D, D);
  expect(largestDifference(found, mean)).toBeGreaterThan(1e-4);
  await network.dispose();
});

test("what has no CLS, no block before, or features of its own refuses", () => {
  const refused = (changes: object, features: (typeof FEATURES)[number]) => () =>
    new AdaptedNetwork({
      ...context,
      features,
      backbone: { ...context.backbone, config: { ...config, ...changes } },
    });
  expect(refused({ pooling: "attention" }, "cls+mean")).toThrow(InputError);
  expect(refused({ pooling: "attention" }, "cls+mean")).toThrow('choose `features: "cls"`');
  expect(refused({ layers: 1 }, "cls+mean+previous")).toThrow("no block before the last");
  expect(refused({ layers: 1 }, "cls+mean")).not.toThrow();
  const own = { name: "own", width: 7, hooks: () => ({}) };
  expect(() => new AdaptedNetwork({ ...context, features: "cls+mean" }, [own])).toThrow(
    "the method makes its own",
  );
});

const dataset = patternDataset({ classes: 4, trainPerClass: 8, testPerClass: 4 });
const stream = classIncremental(dataset, { tasks: 2, orderSeed: null });

test("l2p has its features from its prompts, and says so", async () => {
  await expect(runMethod("l2p", stream, { features: "cls+mean" })).rejects.toThrow(
    "the method makes its own",
  );
});

test.each(METHODS.map(({ name }) => name).filter((name) => name !== "l2p"))(
  "%s learns on them; its model from file has the same features",
  async (name) => {
    const run = await runMethod(name, stream, {
      features: "cls+mean+previous",
      epochs: name === "dualprompt" ? 6 : 3,
      backbone: tinyBackbone({ layers: name === "cl-lora" ? 4 : 2 }), // half of its blocks must have one before the last
    });
    const last = Object.values(run.record.correct)[0]!.at(-1)!;
    expect(last.reduce((sum, right) => sum + right, 0) / dataset.test.length).toBeGreaterThan(0.6);
    for (const [key, { dims }] of Object.entries(run.states.at(-1)!))
      if (key === "statistics.means" || key === "head.weight") expect(dims.at(-1)! % (3 * D)).toBe(0);
    const model = await run.reload();
    const { forwardPasses } = methodOf(name).traits; // features of all passes lie side by side, but for the untouched network's
    const tasks = stream.tasks.length;
    const spaces = forwardPasses === "tasks" ? tasks : forwardPasses === "tasks + 1" ? tasks + 1 : 1;
    expect((await model.learner.features(batch)).length).toBe(4 * 3 * D * spaces);
    await model.dispose();
  },
);

test("CLS is the default, byte for byte", async () => {
  const [plain, named] = [
    await runMethod("seq-lora", stream, { epochs: 1 }),
    await runMethod("seq-lora", stream, { epochs: 1, features: "cls" }),
  ];
  expect(named.losses).toEqual(plain.losses);
  expect(named.states.at(-1)).toEqual(plain.states.at(-1));
});
