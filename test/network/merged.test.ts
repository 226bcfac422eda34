/** @file What the merged model costs and computes, against the bare backbone and the unmerged training form. */
import { describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { type Graph, graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { Discriminant } from "../../src/heads/discriminant.ts";
import { adaptedSites } from "../../src/methods/parts/sites.ts";
import { TrainedRows } from "../../src/methods/parts/trained-rows.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { lowRank } from "../../src/network/low-rank.ts";
import { promptTokens } from "../../src/network/prompt-tokens.ts";
import { vitFeatures } from "../../src/nn/vit.ts";
import { weightInputs } from "../../src/nn/weights.ts";
import { graphText } from "../../src/onnx/text.ts";
import { patternDataset, patternImage } from "../../src/testing/patterns.ts";
import { untrainedModel } from "../../src/testing/train-method.ts";
import { largestDifference } from "../parity/networks.ts";
import { recording } from "../support/recording-runtime.ts";
import { methodOf, oneThread, runMethod, testContext } from "../support/run-method.ts";
import { tinyBackbone } from "../support/tiny-backbone.ts";

const dataset = patternDataset({ classes: 4, trainPerClass: 8, testPerClass: 2 });
const stream = classIncremental(dataset, { tasks: 2, orderSeed: null });
const numbers = [0, 1, 2, 3, 4, 5];
const batch = {
  images: new Uint8Array(
    Buffer.concat(
      numbers.map((number) => patternImage({ label: number % 4, domain: 0, number, use: "new" })),
    ),
  ),
  labels: new Int32Array(6),
  count: 6,
};

/** The graph of plain features, with no method in sight. */
function bareGraph(): Graph {
  const { config } = tinyBackbone();
  const { microBatch } = testContext();
  const images = input("images", "uint8", [microBatch, config.imageSize, config.imageSize, 3]);
  return graph({ features: vitFeatures(config, weightInputs(), images) });
}

/** The graph that a fresh model of this kind compiles to predict. */
async function servingGraph(name: string, options: Record<string, unknown>): Promise<Graph> {
  const seen = recording(oneThread);
  const model = untrainedModel(methodOf(name), testContext({ runtime: seen.runtime }), { options });
  await model.scores(batch, 4);
  await model.dispose();
  expect(seen.graphs.length).toBe(1);
  return seen.graphs[0]!;
}

const bare = bareGraph();
const prompted = await servingGraph("fm-lora", { prompts: true, promptTokens: 3 });

describe("the graph that serves", () => {
  test.each([
    ["fm-lora", {}],
    ["seq-lora", {}],
    ["joint", {}],
    ["ncm", {}],
    ["lda", {}],
  ])("of %s %j is the bare backbone's, line for line", async (name, options) => {
    expect(graphText(await servingGraph(name, options))).toBe(graphText(bare));
  });

  const [more, tokens] = [prompted.nodes.length - bare.nodes.length, 3];
  test(`of fm-lora with ${tokens} prompt tokens has ${tokens} tokens on top of 17 and ${more} nodes on top of ${bare.nodes.length}`, () => {
    const lengths = (text: string): string[] => [...new Set(text.match(/\[4,\d+,32\]/g) ?? [])];
    expect(lengths(graphText(bare))).toContain("[4,17,32]");
    expect(lengths(graphText(prompted))).toContain("[4,20,32]");
    expect([...prompted.inputs.keys()].filter((name) => !bare.inputs.has(name))).toEqual(["prompts"]);
    expect(more).toBeLessThanOrEqual(3);
  });
});

test.each([
  ["fm-lora", { prompts: true, promptTokens: 3, rows: "linear" }, true],
  ["fm-lora", { sites: ["query", "fc1", "fc2"], rows: "linear" }, true],
  ["seq-lora", {}, false],
] as const)(
  "merged %s %j gives the features and class scores of W0 x + B C A x",
  async (name, options, core) => {
    const run = await runMethod(name, stream, { options });
    const state = run.states.at(-1)!;
    const sites = adaptedSites(
      run.context.backbone.config,
      "sites" in options ? options.sites : ["query", "value"],
    );
    const count = state.prompts?.dims[0] ?? 0;
    const network = new AdaptedNetwork(run.context, [
      lowRank(run.context.backbone, { sites, rank: 16, core }),
      ...(count === 0 ? [] : [promptTokens({ count, width: 32 })]),
    ]);
    const unmerged = await network.observe(batch, state);
    const bareNetwork = new AdaptedNetwork(run.context);
    const plain = await bareNetwork.features(batch);
    await bareNetwork.dispose();
    network.merge(state);
    const merged = await network.features(batch);
    expect(largestDifference(merged, unmerged.features)).toBeLessThan(1e-4);
    const model = await run.reload();
    const scores = await model.scores(batch, 4);
    await model.dispose();
    const { features } = unmerged;
    const statistics = ClassStatistics.from(state, "statistics.");
    const rows = TrainedRows.from(state, "head.");
    expect(largestDifference(scores.rows!, rows.scores(features, 4))).toBeLessThan(1e-4);
    const lda = new Discriminant(statistics, 0.1);
    expect(largestDifference(scores.lda!, lda.scores(features, 4))).toBeLessThan(1e-4);
    expect(largestDifference(merged, plain)).toBeGreaterThan(1e-2); // the update does something
    await network.dispose();
  },
);

test("observe sums h hᵀ over images and tokens, and padding counts for nothing", async () => {
  const run = await runMethod("fm-lora", stream, { epochs: 1, options: { prompts: true } });
  const state = run.states.at(-1)!;
  const sites = adaptedSites(run.context.backbone.config, ["query", "value"]);
  const network = new AdaptedNetwork(run.context, [
    lowRank(run.context.backbone, { sites, rank: 16, core: true }),
    promptTokens({ count: 4, width: 32 }),
  ]);
  const bytes = batch.images.length / batch.count;
  const part = (from: number, to: number) =>
    network.observe({ images: batch.images.slice(from * bytes, to * bytes), count: to - from }, state);
  const [whole, one, rest] = [await part(0, 6), await part(0, 1), await part(1, 6)];
  for (const site of sites) {
    const sum = one.moments[site]!.map((value, i) => value + rest.moments[site]![i]!);
    expect(largestDifference(whole.moments[site]!, sum)).toBeLessThan(1e-3 * Math.max(...sum));
    // All tokens reach a site but the last block's query, which is computed for CLS alone.
    expect(whole.tokens[site]).toBe(site === "blocks.1.query" ? 6 : 6 * (1 + 16 + 4));
  }
  await network.dispose();
});
