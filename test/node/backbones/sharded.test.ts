import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { expectComplaint, goldenNamed, storedTensors, writeFiles } from "./folder.ts";

const vit = goldenNamed("vit");
const stored = storedTensors(vit);
const folder = mkdtempSync(join(tmpdir(), "fm-lora-sharded-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] as const;
const WEIGHT_MAP = Object.fromEntries(Object.keys(stored).map((name, i) => [name, SHARDS[i % 2]!]));
const part = (i: number): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(stored).filter(([name]) => WEIGHT_MAP[name] === SHARDS[i]));
const query = "encoder.layer.1.attention.attention.query.weight";
const owner = SHARDS.indexOf(WEIGHT_MAP[query]! as (typeof SHARDS)[number]);

/** Writes the golden ViT in two shards, with files replaced or left out. */
function load(changes: Readonly<Record<string, object | null>> = {}) {
  writeFiles(folder, {
    "config.json": vit.config,
    "preprocessor_config.json": vit.preprocessor!,
    "model.safetensors": null,
    "model.safetensors.index.json": { metadata: {}, weight_map: WEIGHT_MAP },
    [SHARDS[0]]: encodeSafetensors(part(0)),
    [SHARDS[1]]: encodeSafetensors(part(1)),
    ...changes,
  });
  return loadBackbone(folder);
}

test("two shards are the same as one file", () => {
  const whole = { "model.safetensors": encodeSafetensors(stored), [SHARDS[0]]: null, [SHARDS[1]]: null };
  expect(load().weights).toEqual(load({ ...whole, "model.safetensors.index.json": null }).weights);
});

test("one file counts where there is an index too: it is what transformers reads", () => {
  const files = { "model.safetensors": encodeSafetensors(stored), [SHARDS[1]]: null };
  expect(Object.keys(load(files).weights)).toContain("blocks.1.query.weight");
});

describe("shards that don't fit are one line that names what", () => {
  const index = (weight_map: unknown) => ({ "model.safetensors.index.json": { weight_map } as object });
  const { [query]: _, ...withoutQuery } = part(owner);
  const { [query]: __, ...mapWithoutQuery } = WEIGHT_MAP;
  test.each([
    ["a missing shard", { [SHARDS[1]]: null }, `index.json: names ${SHARDS[1]}, which is not in the folder`],
    ["an index without a map", { "model.safetensors.index.json": {} }, "has no weight_map"],
    ["an index that is a list", { "model.safetensors.index.json": [1] }, "has no weight_map"],
    ["an index with a number", index({ ...WEIGHT_MAP, [query]: 1 }), `tensor ${query} is said to be in 1`],
    [
      "an index that leaves the folder",
      index({ ...WEIGHT_MAP, [query]: "../other.safetensors" }),
      `"../other.safetensors", which is no file of the folder`,
    ],
    [
      "a tensor that its shard has not",
      { [SHARDS[owner]!]: encodeSafetensors(withoutQuery) },
      `says that tensor ${query} is in ${SHARDS[owner]}, but it isn't`,
    ],
    ["a tensor that the index has not", index(mapWithoutQuery), `tensor ${query} is missing`],
    [
      "a shard cut off",
      { [SHARDS[1]]: encodeSafetensors(part(1)).slice(0, 9_000) },
      `${SHARDS[1]}: truncated`,
    ],
    ["neither file nor index", { "model.safetensors.index.json": null }, "model.safetensors: no such file"],
    [
      "weights of another type",
      {
        [SHARDS[owner]!]: encodeSafetensors({
          ...part(owner),
          [query]: { dtype: "int32", dims: [24, 24], data: new Int32Array(576) },
        }),
      },
      `tensor ${query} is I32; weights are F32, F16, BF16, F64`,
    ],
  ])("%s", (_, changes, expected) => {
    expectComplaint(() => load(changes), expected);
  });
});
