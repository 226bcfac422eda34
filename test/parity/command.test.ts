/** @file `fmlora features` on real JPEGs, from the file to the array, against transformers fed the same pixels. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { fileBatches } from "../../src/cli/images.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { pacs } from "../../src/node/benchmarks/pacs.ts";
import { largestDifference } from "./networks.ts";

const python = process.env.FMLORA_PYTHON;
const root = fileURLToPath(new URL("../..", import.meta.url));
const data = join(root, "../shared/data/pacs");
const fineTuned = join(root, "../shared/weights/vit-small-patch14-tiny-imagenet");
const IMAGES = 12;

if (python === undefined || !existsSync(data)) {
  const reason = python === undefined ? "FMLORA_PYTHON is unset" : "../shared/data/pacs is not there";
  console.warn(`SKIPPED: fmlora features on real JPEGs against transformers, because ${reason}`);
}

/** Photographs and paintings of several sizes, as files. */
async function writeImages(folder: string): Promise<string[]> {
  const dataset = await pacs.open({ data, options: {} });
  const step = Math.floor(dataset.test.length / IMAGES);
  const files: string[] = [];
  for (let i = 0; i < IMAGES; i++) {
    const image = await dataset.read(dataset.test[i * step]!);
    if (image.kind !== "encoded") throw new Error("PACS holds encoded images");
    files.push(join(folder, `${i}.jpg`));
    writeFileSync(files.at(-1)!, image.bytes);
  }
  return files;
}

describe.skipIf(python === undefined || !existsSync(data))("fmlora features on PACS's images", () => {
  test.each([
    ["the default backbone", join(root, "models/vit-tiny-patch8-64"), "vit-tiny-patch8-64"],
    ["ViT-S/14 fine-tuned on Tiny-ImageNet", fineTuned, fineTuned],
  ])(
    "%s",
    async (name, folder, backbone) => {
      const scratch = mkdtempSync(join(tmpdir(), "fm-lora-features-"));
      try {
        const files = await writeImages(scratch);
        const out = join(scratch, "features.npy");
        const command = [
          join(root, "src/cli/main.ts"),
          "features",
          ...files,
          "--backbone",
          backbone,
          "--out",
          out,
        ];
        execFileSync(process.execPath, ["--import", "tsx", ...command], { cwd: root, stdio: "pipe" });
        const bytes = readFileSync(out);
        const ours = new Float32Array(new Uint8Array(bytes.subarray(10 + bytes.readUInt16LE(8))).buffer);

        const { preprocessing } = loadBackbone(folder);
        const [pixels, theirsFile] = [join(scratch, "pixels"), join(scratch, "theirs")];
        for await (const { batch } of fileBatches(files, preprocessing)) writeFileSync(pixels, batch.images);
        const script = fileURLToPath(new URL("live.py", import.meta.url));
        const args = [script, folder, pixels, `${IMAGES}`, `${preprocessing.size}`, theirsFile];
        execFileSync(python!, args, { env: { ...process.env, HF_HUB_OFFLINE: "1" }, stdio: "pipe" });
        const theirs = new Float32Array(new Uint8Array(readFileSync(theirsFile)).buffer);

        const difference = largestDifference(ours, theirs);
        console.log(`${name}: largest difference ${difference.toExponential(1)} over ${IMAGES} JPEGs`);
        expect(difference).toBeLessThan(1e-4);
      } finally {
        rmSync(scratch, { recursive: true });
      }
    },
    240_000,
  );
});
