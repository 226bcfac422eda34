/** @file Exported models: their scores by the libraries they are for, against ours, all run now. Needs FMLORA_PYTHON. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { classifierPlace, isTimm } from "../../src/export/library-names.ts";
import { readCheckpoint } from "../../src/node/backbones/backbone.ts";
import { exportModel } from "../../src/node/exports/export.ts";
import { readModel } from "../../src/node/runs/model.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { writeFinishedModel } from "../support/finished-model.ts";
import { normalized, writeGolden } from "./golden-files.ts";
import { largestDifference } from "./networks.ts";

const python = process.env.FMLORA_PYTHON;
const shared = fileURLToPath(new URL("../../../shared", import.meta.url));
const HOW =
  "../shared/tools/torch-env ../torch-env && FMLORA_PYTHON=../torch-env/bin/python npx vitest run test/parity";
/** A folder with another version of transformers, for Python to find first. */
const FORMER = process.env.FMLORA_TRANSFORMERS4;

if (python === undefined) {
  if (process.env.CI === "true" && existsSync(shared)) {
    throw new Error(`FMLORA_PYTHON is unset, so exports can't be checked with their libraries; ${HOW}`);
  }
  console.warn(
    `SKIPPED: exports by transformers, timm and PEFT, because FMLORA_PYTHON is unset. To run it: ${HOW}`,
  );
} else if (FORMER === undefined) {
  console.warn(
    "SKIPPED: exports by transformers 4, because FMLORA_TRANSFORMERS4 is unset; CONTRIBUTING.md has how",
  );
}

const IMAGES = 3;
const SITES = ["query", "key", "value", "output", "fc1", "fc2"];
/** One network of every way that layers are named, and of every place for a classifier. */
const NETWORKS = [
  "vit",
  "vit without query, key and value biases",
  "vit, larger images than its positions",
  "deit",
  "dinov2",
  "dinov2, smaller images than its positions",
  "dinov2 with registers",
  "dinov2 with SwiGLU",
  "clip",
  "siglip",
  "mae",
  "timm vit, drawn 1",
  "timm deit, drawn 1",
  "timm deit3, drawn 1",
  "timm dinov2 with registers, drawn 1",
  "timm clip, drawn 1",
];

interface Job {
  readonly kind: "peft" | "safetensors" | "onnx";
  readonly network: string;
  readonly out: string;
  readonly ours: Float32Array;
  readonly [other: string]: unknown;
}

let root: string;
const jobs: Job[] = [];

async function prepare(network: string, index: number): Promise<void> {
  const at = join(root, `${index}`);
  const backbone = writeGolden(network, join(at, "backbone"));
  const model = await writeFinishedModel(join(at, "run"), {
    backbone,
    method: "seq-lora",
    methodOptions: { rank: 3, sites: SITES },
  });
  const opened = await readModel(model, {});
  const { config, preprocessing } = opened.backbone;
  const { size } = preprocessing;
  const rng = Rng.at("exports", network);
  const bytes = Uint8Array.from({ length: IMAGES * size * size * 3 }, () => rng.below(256));
  const scores = (await opened.model.scores({ images: bytes, count: IMAGES }, opened.classNames.length)).lda!;
  const ours = scores.filter(Number.isFinite); // classes that were seen
  await opened.model.dispose();
  const images = join(at, "images");
  writeFileSync(images, normalized(bytes, preprocessing));
  const { checkpoint, text } = readCheckpoint(backbone);
  const place = classifierPlace(checkpoint);
  const stored = (JSON.parse(text) as { image_size?: number }).image_size;
  const library = isTimm(checkpoint) ? "timm" : "transformers";
  for (const kind of ["peft", "safetensors", "onnx"] as const) {
    const folder = join(at, kind);
    await exportModel(model, { to: kind, out: folder, resizing: "outside", dtype: ["fp32"] });
    const className =
      place?.className ?? (network.startsWith("siglip") ? "SiglipVisionModel" : "CLIPVisionModel");
    jobs.push({
      kind,
      network,
      folder,
      backbone,
      library,
      class_name: className,
      classes: 4,
      labels: ["ant", "bee", "dog", "elk"],
      apart: place === undefined,
      interpolate:
        kind === "peft" &&
        library === "transformers" &&
        stored !== config.imageSize &&
        !network.startsWith("dinov2"),
      images,
      count: IMAGES,
      size,
      out: join(at, `${kind}.scores`),
      ours,
    });
  }
}

/** Runs all jobs of these kinds in one process. */
function runJobs(kinds: readonly Job["kind"][], path?: string): void {
  const file = join(root, "jobs.json");
  const wanted = jobs.filter(
    ({ kind, library }) => kinds.includes(kind) && (path === undefined || library !== "timm"),
  );
  for (const { out } of wanted) rmSync(out, { force: true });
  writeFileSync(file, JSON.stringify(wanted.map(({ ours: _, ...job }) => job)));
  const script = fileURLToPath(new URL("exports.py", import.meta.url));
  const versions = execFileSync(python!, [script, file], {
    env: { ...process.env, HF_HUB_OFFLINE: "1", ...(path !== undefined && { PYTHONPATH: path }) },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  console.log(versions.trim());
  for (const { kind, network, out, ours } of wanted) {
    const theirs = new Float32Array(new Uint8Array(readFileSync(out)).buffer);
    const largest = largestDifference(ours, new Float32Array(ours.length));
    const share = largestDifference(ours, theirs) / largest;
    console.log(`${kind} of ${network}: ${share.toExponential(1)} of the largest score`);
    expect(share, `${kind} of ${network}`).toBeLessThan(1e-4);
  }
}

describe.skipIf(python === undefined)("exported models, by their libraries", () => {
  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), "fm-lora-exports-"));
    for (const [index, network] of NETWORKS.entries()) await prepare(network, index);
  }, 300_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test("adapters and checkpoints have our scores", () => runJobs(["peft", "safetensors"]), 300_000);

  test.skipIf(FORMER === undefined)(
    "and under transformers 4",
    () => runJobs(["peft", "safetensors"], FORMER),
    300_000,
  );

  const hasRuntime = (): boolean => {
    try {
      execFileSync(python!, ["-c", "import onnxruntime"], { stdio: "ignore" });
      return true;
    } catch {
      console.warn("SKIPPED: exports by Python's onnxruntime, because FMLORA_PYTHON has none");
      return false;
    }
  };
  test.skipIf(python === undefined || !hasRuntime())(
    "ONNX models have our scores in Python's onnxruntime",
    () => runJobs(["onnx"]),
    300_000,
  );
});
