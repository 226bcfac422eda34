/** @file Adapters that PEFT has made, as a start: our features against theirs, all made now. Needs FMLORA_PYTHON. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { adapterFrom } from "../../src/node/backbones/adapter.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { featureExtractor } from "../../src/node/runs/model.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { normalized, writeGolden } from "./golden-files.ts";
import { largestDifference } from "./networks.ts";

const python = process.env.FMLORA_PYTHON; // exports.test.ts says how to get it, and fails in CI without
const IMAGES = 3;
const CASES = [
  {
    network: "vit",
    library: "transformers",
    rank: 3,
    rslora: false,
    targets: ["query", "value", "q_proj", "v_proj"],
  },
  { network: "vit", library: "transformers", rank: 4, rslora: true, targets: "all-linear" },
  { network: "dinov2 with SwiGLU", library: "transformers", rank: 2, rslora: false, targets: "all-linear" },
  { network: "timm vit, drawn 1", library: "timm", rank: 3, rslora: false, targets: ["qkv", "fc1"] },
] as const;

test.skipIf(python === undefined)(
  "with an adapter of PEFT's own the features are PEFT's",
  async () => {
    const root = mkdtempSync(join(tmpdir(), "fm-lora-adapters-"));
    try {
      const jobs = CASES.map(({ network, ...rest }, index) => {
        const at = join(root, `${index}`);
        const backbone = writeGolden(network, join(at, "backbone"));
        const { preprocessing } = loadBackbone(backbone);
        const { size } = preprocessing;
        const rng = Rng.at("adapters", network);
        const bytes = Uint8Array.from({ length: IMAGES * size * size * 3 }, () => rng.below(256));
        writeFileSync(join(at, "images"), normalized(bytes, preprocessing));
        const [images, folder, out] = ["images", "adapter", "features"].map((name) => join(at, name));
        return { ...rest, network, backbone, bytes, size, images, folder: folder!, out: out!, count: IMAGES };
      });
      const file = join(root, "jobs.json");
      writeFileSync(file, JSON.stringify(jobs.map(({ bytes: _, ...job }) => job)));
      const script = fileURLToPath(new URL("adapters.py", import.meta.url));
      execFileSync(python!, [script, file], {
        env: { ...process.env, HF_HUB_OFFLINE: "1" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      for (const { network, backbone, folder, out, bytes, rank } of jobs) {
        const theirs = new Float32Array(new Uint8Array(readFileSync(out)).buffer);
        const start = await adapterFrom(folder, { backbone });
        const features = async (which: typeof start): Promise<Float32Array> => {
          const extractor = featureExtractor(which, { threads: 1 });
          const found = await extractor.features({ images: bytes, count: IMAGES });
          await extractor.dispose();
          return found;
        };
        const largest = largestDifference(theirs, new Float32Array(theirs.length));
        const share = largestDifference(await features(start), theirs) / largest;
        const moved = largestDifference(await features(loadBackbone(backbone)), theirs) / largest;
        console.log(
          `rank ${rank} on ${network}: ${share.toExponential(1)} of the largest (without it ${moved.toFixed(2)})`,
        );
        expect(share, network).toBeLessThan(1e-4);
        expect(moved, network).toBeGreaterThan(0.01); // or the adapter was none
      }
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
  300_000,
);
