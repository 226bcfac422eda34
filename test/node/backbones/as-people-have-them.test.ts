/** @file Checkpoints as people have them: with heads, with wrappers' names, as Git LFS leaves them, damaged or odd. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { type Tensor, tensor } from "../../../src/tensor/tensor.ts";
import { GOLDENS, type Golden, weightsOf } from "../../parity/networks.ts";
import { expectComplaint, goldenNamed, writeFiles } from "./folder.ts";

const folder = mkdtempSync(join(tmpdir(), "fm-lora-people-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Changes {
  readonly config?: object;
  readonly preprocessor?: object;
  readonly weights?: Readonly<Record<string, Tensor>>;
}

const familyNamed = (type: string): Golden => GOLDENS.find(({ config }) => config.model_type === type)!;

function load(golden: Golden, { config = {}, preprocessor = {}, weights = weightsOf(golden) }: Changes) {
  writeFiles(folder, {
    "model.safetensors.index.json": null,
    "config.json": { ...golden.config, ...config },
    "preprocessor_config.json":
      golden.preprocessor === undefined ? null : { ...golden.preprocessor, ...preprocessor },
    "model.safetensors": encodeSafetensors(weights),
  });
  return loadBackbone(folder);
}

/** The tensors with `prefix` before their names, and further ones. */
const renamed = (golden: Golden, prefix: string, more: readonly string[] = []): Record<string, Tensor> =>
  Object.fromEntries([
    ...Object.entries(weightsOf(golden)).map(([name, value]) => [prefix + name, value] as const),
    ...more.map((name) => [name, tensor("float32", [2], Float32Array.of(1, 2))] as const),
  ]);

describe("heads of transformers' larger models are left out", () => {
  test.each<[string, string, string, readonly string[]]>([
    ["ViTForImageClassification", "vit", "vit.", ["classifier.weight", "classifier.bias"]],
    [
      "ViTForMaskedImageModeling",
      "vit",
      "vit.",
      ["vit.embeddings.mask_token", "decoder.0.weight", "decoder.0.bias"],
    ],
    ["DeiTForMaskedImageModeling", "deit", "deit.", ["deit.embeddings.mask_token", "decoder.0.weight"]],
    ["CLIPForImageClassification", "clip_vision_model", "", ["classifier.weight", "classifier.bias"]],
    ["SiglipForImageClassification", "siglip_vision_model", "", ["classifier.weight", "classifier.bias"]],
  ])("%s", (_, type, prefix, more) => {
    const golden = familyNamed(type);
    const { weights, notices } = load(golden, { weights: renamed(golden, prefix, more) });
    expect(weights).toEqual(load(golden, {}).weights);
    expect(notices).toEqual([]);
  });

  test("CLIPForImageClassification as it is saved: the vision tower of a model_type clip", () => {
    const golden = familyNamed("clip_vision_model");
    const config = { model_type: "clip", vision_config: golden.config };
    const weights = renamed(golden, "", ["classifier.weight", "classifier.bias"]);
    expect(load(golden, { config, weights }).weights).toEqual(load(golden, {}).weights);
  });
});

describe("wrappers' names are left out, with a notice", () => {
  test.each(["module.", "model.", "_orig_mod.", "base_model.model.", "module._orig_mod."])(
    "%s",
    (wrapper) => {
      for (const golden of [familyNamed("vit"), goldenNamed("timm vit")]) {
        const { weights, notices } = load(golden, { weights: renamed(golden, wrapper) });
        expect(weights).toEqual(load(golden, {}).weights);
        expect(notices).toEqual([
          `${join(folder, "model.safetensors")}: the tensors' names begin with "${wrapper}", as a wrapper saves them; read without`,
        ]);
      }
    },
  );

  test("in several files, too", () => {
    const golden = familyNamed("vit");
    const expected = load(golden, {}).weights;
    const weights = renamed(golden, "module.");
    writeFiles(folder, {
      "model.safetensors": null,
      "one.safetensors": encodeSafetensors(weights),
      "model.safetensors.index.json": {
        weight_map: Object.fromEntries(Object.keys(weights).map((name) => [name, "one.safetensors"])),
      },
    });
    expect(loadBackbone(folder).weights).toEqual(expected);
  });

  test("an adapter that is not merged, and two networks in one file, are named", () => {
    const golden = familyNamed("vit");
    const adapter = renamed(golden, "base_model.model.", ["base_model.model.x.query.lora_A.default.weight"]);
    expectComplaint(
      () => load(golden, { weights: adapter }),
      "is of an adapter that is not merged; merge it first",
    );
    const both = { ...renamed(golden, "module."), ...renamed(golden, "model.") };
    expectComplaint(() => load(golden, { weights: both }), "are both");
  });
});

describe("one line that names the fault", () => {
  const vit = familyNamed("vit");
  const timm = goldenNamed("timm vit");
  const { architecture: _, ...withoutArchitecture } = timm.config;
  const nan = Object.entries(weightsOf(vit)).map(([name, value]) => {
    const data = name.endsWith("1.output.dense.weight") ? value.data.with(7, Number.NaN) : value.data;
    return [name, { ...value, data }] as const;
  });
  const pixels = vit.config.patch_size as number;
  test.each<[string, Golden, Changes, string]>([
    [
      "a side of 40000 pixels",
      vit,
      { config: { image_size: 40_000 } },
      "config.json: image_size: 40000 is too much; expected at most 2048 pixels",
    ],
    [
      "the same in the image processor",
      vit,
      { preprocessor: { size: 40_000 } },
      "images of 40000 pixels; expected",
    ],
    [
      "65,537 patches and more",
      vit,
      { config: { patch_size: 4 }, preprocessor: { size: 2048 } },
      "262144 patches",
    ],
    [
      "a deviation of 0",
      vit,
      { preprocessor: { image_std: [0.5, 0, 0.5] } },
      "the deviation of pixels is [0.5, 0, 0.5]",
    ],
    ["a negative one", vit, { preprocessor: { image_std: [0.5, -0.5, 0.5] } }, "the deviation of pixels is"],
    [
      "a mean of bytes",
      vit,
      { preprocessor: { image_mean: [0.5, 1e300, 0.5] } },
      "the mean of pixels is [0.5, 1e+300",
    ],
    [
      "a crop that is larger than the image",
      vit,
      { preprocessor: { size: { shortest_edge: pixels }, crop_size: 4 * pixels, do_center_crop: true } },
      "the center crop takes 4 of the image; expected a share from 0.1 to 1",
    ],
    [
      "an epsilon of 1",
      vit,
      { config: { layer_norm_eps: 1 } },
      "config.json: layer_norm_eps: 1 is too much; expected at most 0.01",
    ],
    [
      "no model_type",
      vit,
      { config: { model_type: undefined } },
      "neither model_type (transformers) nor architecture",
    ],
    ["NaN", vit, { weights: Object.fromEntries(nan) }, "1.output.dense.weight has NaN as its number 7 of"],
    [
      "another program's names",
      vit,
      { weights: renamed(vit, "net.") },
      "no tensor embeddings.cls_token, its first is net.",
    ],
  ])("%s", (_name, golden, changes, expected) => {
    expectComplaint(() => load(golden, changes), expected);
  });

  test("NaN in matrices that stay in their file", () => {
    expectComplaint(() => load(vit, { weights: Object.fromEntries(nan) }), "has NaN");
    const { weights } = loadBackbone(folder, { stored: true });
    expectComplaint(() => Object.values(weights).map(({ data }) => data), "1.output.dense.weight has NaN");
  });

  test("timm's configuration without an architecture, and with an infinite mean", () => {
    load(timm, {});
    writeFiles(folder, { "config.json": withoutArchitecture });
    expectComplaint(
      () => loadBackbone(folder),
      "config.json: architecture: expected timm's name of the network",
    );
    const text = JSON.stringify(timm.config).replace(/"mean":\[[^,]*/, '"mean":[1e999');
    writeFileSync(join(folder, "config.json"), text);
    expectComplaint(() => loadBackbone(folder), "config.json: pretrained_cfg.mean.0: ");
  });

  test("Git LFS pointers are called so", () => {
    load(vit, {});
    const pointer = Buffer.from(
      `version https://git-lfs.example/spec/v1\noid sha256:${"0".repeat(64)}\nsize 346\n`,
    );
    writeFiles(folder, { "model.safetensors": pointer });
    expectComplaint(
      () => loadBackbone(folder),
      "model.safetensors: this is a Git LFS pointer, not the file itself",
    );
    writeFiles(folder, { "config.json": pointer });
    expectComplaint(
      () => loadBackbone(folder),
      "config.json: this is a Git LFS pointer, not the file itself",
    );
  });
});

test("null in preprocessor_config.json and config.json means absent, as fast image processors write it", () => {
  const golden = familyNamed("vit");
  const nulls = { crop_size: null, do_center_crop: null, do_rescale: null, do_resize: null, resample: null };
  const { size: _, ...rest } = golden.preprocessor!;
  expect(load(golden, { preprocessor: nulls }).preprocessing).toEqual(
    load(golden, { preprocessor: rest }).preprocessing,
  );
  const { preprocessing } = load(golden, { preprocessor: { size: null }, config: { qkv_bias: null } });
  expect(preprocessing.size).toBe(golden.config.image_size);
});
