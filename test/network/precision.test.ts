/** @file Methods on products in 8 bits. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { lowRank } from "../../src/network/low-rank.ts";
import { localCrossEntropy } from "../../src/network/objective.ts";
import { type Float32Part, int8Precision, largestInt8Weight } from "../../src/nn/precision.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { quantizedLinearOp, quantizedMatmulOp } from "../../src/ops/index.ts";
import { float32Data, tensor } from "../../src/tensor/tensor.ts";
import { patternDataset, patternImage } from "../../src/testing/patterns.ts";
import { largestDifference } from "../parity/networks.ts";
import { recording } from "../support/recording-runtime.ts";
import { oneThread, runMethod, stateBytes, testContext } from "../support/run-method.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";

const int8 = int8Precision({ layers: 2 });
const images = [0, 1, 2, 3, 4].map((number) =>
  patternImage({ label: number % 4, domain: 0, number, use: "new" }),
);
const batchOf = (...numbers: number[]) => ({
  images: new Uint8Array(Buffer.concat(numbers.map((number) => images[number]!))),
  count: numbers.length,
});
const cosine = (a: Float32Array, b: Float32Array): number => {
  const dot = (u: Float32Array, v: Float32Array): number =>
    u.reduce((sum, value, i) => sum + value * v[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

test("features in 8 bits are near those in float32, and what fills up a run changes none", async () => {
  const exact = new AdaptedNetwork(testContext());
  const rounded = new AdaptedNetwork({ ...testContext(), precision: int8 });
  const all = await rounded.features(batchOf(0, 1, 2, 3, 4));
  const similar = cosine(await exact.features(batchOf(0, 1, 2, 3, 4)), all);
  expect(similar).toBeGreaterThan(0.999);
  expect(similar).toBeLessThan(1); // it does round
  const single = new AdaptedNetwork({ ...testContext(), microBatch: 1, precision: int8 });
  const alone = await single.features(batchOf(4)); // as it is in `all`, but for three copies that fill its run
  expect(largestDifference(all.subarray(4 * exact.width), alone)).toBeLessThan(1e-5);
  const together = await single.features(batchOf(0, 1, 2, 3, 4));
  expect(largestDifference(all, together)).toBeGreaterThan(1e-3); // a run of 4 shares its scales
  for (const vit of [exact, rounded, single]) await vit.dispose();
});

test.each<[Float32Part[], number, number]>([
  [[], 12, 9], // nothing below the first block's query, key and value needs a gradient
  [["gradients"], 12, 0],
  [["first-block"], 6, 6],
  [["last-block"], 6, 3],
  [["first-block", "last-block"], 0, 0],
])(
  "with %j in float32, %i layers are in 8 bits, and %i of their gradients",
  async (float32Parts, layers, back) => {
    const seen = recording(oneThread);
    const context = {
      ...testContext({ runtime: seen.runtime }),
      precision: int8Precision({ layers: 2, float32Parts }),
    };
    const sites = ["blocks.0.query", "blocks.0.value"];
    const adaptations = [lowRank(context.backbone, { sites, rank: 4 })];
    const network = new AdaptedNetwork(context, adaptations);
    const parameters = {
      ...Object.fromEntries(
        sites.flatMap((site) => [
          [`${site}.a`, tensor("float32", [4, 32], new Float32Array(128).fill(0.1))],
          [`${site}.b`, tensor("float32", [32, 4], new Float32Array(128).fill(0.1))],
        ]),
      ),
      "head.weight": tensor(
        "float32",
        [4, 32],
        Float32Array.from({ length: 128 }, (_, i) => Math.sin(i)),
      ),
      "head.bias": tensor("float32", [4], new Float32Array(4)),
    };
    const batch = { ...batchOf(0, 1, 2, 3), labels: Int32Array.of(0, 1, 2, 3) };
    const objective = localCrossEntropy({ classes: [0, 1, 2, 3], capacity: 4 });
    const trained = sites.map((site) => `${site}.b`);
    const { gradients } = await network.gradients(batch, parameters, trained, objective);
    const applied = (op: object): number => seen.graphs[0]!.nodes.filter((node) => node.op === op).length;
    expect(applied(quantizedLinearOp)).toBe(layers);
    expect(applied(quantizedMatmulOp)).toBe(back);
    const plain = new AdaptedNetwork(testContext(), adaptations);
    const exact = await plain.gradients(batch, parameters, trained, objective);
    for (const name of trained)
      expect(cosine(gradients[name]!, exact.gradients[name]!)).toBeGreaterThan(0.98);
    await plain.dispose();
    await network.dispose();
  },
);

test("fm-lora learns in 8 bits, the same bytes twice", async () => {
  const dataset = patternDataset({ classes: 4, trainPerClass: 8, testPerClass: 4 });
  const stream = classIncremental(dataset, { tasks: 2, orderSeed: null });
  const runs = [
    await runMethod("fm-lora", stream, { precision: int8 }),
    await runMethod("fm-lora", stream, { precision: int8 }),
  ];
  expect(Math.min(...runs[0]!.record.correct.lda!.at(-1)!)).toBeGreaterThanOrEqual(6); // of 8 a task
  expect(stateBytes(runs[1]!.states.at(-1)!)).toEqual(stateBytes(runs[0]!.states.at(-1)!));
});

test("8-bit matrices that stay in the backbone's file give the same; a file that changes meanwhile is told of", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-stored-"));
  writeTinyBackbone(folder);
  const file = join(folder, "model.safetensors");
  const seen = recording(oneThread);
  const features = async (stored: boolean): Promise<Float32Array> => {
    const backbone = loadBackbone(folder, { stored });
    const vit = new AdaptedNetwork({ ...testContext({ runtime: seen.runtime }), backbone, precision: int8 }, [
      lowRank(backbone, { sites: ["blocks.0.query"], rank: 4 }),
    ]);
    const found = await vit.features(batchOf(0, 1));
    await vit.dispose();
    return found;
  };
  expect(await features(true)).toEqual(await features(false));
  // Of the layers' matrices, the graph is fed with the adapted one: merging changes it.
  expect(
    [...seen.graphs[0]!.inputs.keys()].filter((name) => /\.int8\/forward$|fc1\.weight$/.test(name)),
  ).toEqual(["backbone/blocks.0.query.int8/forward"]);
  const backbone = loadBackbone(folder, { stored: true });
  writeFileSync(file, readFileSync(file).subarray(8));
  expect(() => backbone.weights["blocks.1.fc1.weight"]!.data).toThrow("has changed while it was in use");
  rmSync(folder, { recursive: true });
});

test("weights get 7 bits where products of 8 saturate", async () => {
  expect(await largestInt8Weight(oneThread)).toBe(127);
  const saturating = {
    ...oneThread,
    compile: async (...graph: Parameters<typeof oneThread.compile>) => {
      const session = await oneThread.compile(...graph);
      return {
        ...session,
        async run(...inputs: Parameters<typeof session.run>) {
          const { y } = await session.run(...inputs);
          return { y: { ...y!, data: float32Data(y!).map((value) => Math.min(value, 32 * 32767)) } };
        },
      };
    },
  };
  expect(await largestInt8Weight(saturating)).toBe(63);
});
