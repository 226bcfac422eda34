/** @file Our resize and crop against image processors of transformers and timm, on image files of all kinds. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp, { type Sharp } from "sharp";
import { expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { pacs } from "../../src/node/benchmarks/pacs.ts";
import { sharpTransform } from "../../src/node/images/transform.ts";

const python = process.env.FMLORA_PYTHON;
const pacsFolder = fileURLToPath(new URL("../../../shared/data/pacs", import.meta.url));
const goldenFile = new URL("preprocessing-goldens.json", import.meta.url);
const SIZE = 224;

/** What backbone folders of these families say. DeiT's processor squashes to 256 x 256, its training did not. */
const PROCESSORS: Readonly<Record<string, Pick<Preprocessing, "interpolation" | "cropFraction">>> = {
  ViT: { interpolation: "bilinear", cropFraction: null },
  DINOv2: { interpolation: "bicubic", cropFraction: SIZE / 256 },
  CLIP: { interpolation: "bicubic", cropFraction: 1 },
  SigLIP: { interpolation: "bicubic", cropFraction: null },
  DeiT: { interpolation: "bicubic", cropFraction: SIZE / 256 },
  timm: { interpolation: "bicubic", cropFraction: 0.9 },
};

interface Result {
  readonly processor: string;
  readonly file: string;
  /** Of the image, turned as it should be. */
  readonly width: number;
  readonly height: number;
  /** Absolute differences, out of 255. */
  readonly mean: number;
  readonly largest: number;
  /** The library's own pixels: means of 4 x 4 blocks, per channel. */
  readonly blocks: readonly number[];
}

/** Smooth waves, edges and grain. */
function photo(width: number, height: number): Sharp {
  const data = new Uint8ClampedArray(width * height * 3);
  let grain = 1;
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
    grain = (Math.imul(grain, 1_664_525) + 1_013_904_223) >>> 0;
    const edge = (x * 5 + y * 3) % 160 < 60 ? 25 : -25;
    const wave = 55 * Math.sin((x * (4 + c)) / width + c) * Math.cos((y * (6 - c)) / height);
    data[i] = 128 + wave + edge + (grain / 2 ** 32 - 0.5) * 30;
  }
  return sharp(new Uint8Array(data.buffer), { raw: { width, height, channels: 3 } });
}

/** Files by name; what stands before the dash groups them. */
async function drawnFiles(): Promise<Record<string, Uint8Array>> {
  const jpeg = (image: Sharp) => image.jpeg({ quality: 92 }).toBuffer();
  const clear = await photo(300, 200).ensureAlpha(0.5).png().toBuffer();
  return {
    "photo-500x375.jpg": await jpeg(photo(500, 375)),
    "photo-375x500.jpg": await jpeg(photo(375, 500)),
    "photo-333x251.jpg": await jpeg(photo(333, 251)),
    "photo-1023x301.jpg": await jpeg(photo(1023, 301)),
    "photo-224x224.jpg": await jpeg(photo(224, 224)),
    "small-97x61.jpg": await jpeg(photo(97, 61)),
    "small-32x32.png": await photo(32, 32).png().toBuffer(),
    "gray-401x299.jpg": await jpeg(photo(401, 299).toColourspace("b-w")),
    "turned-400x300.jpg": await jpeg(photo(400, 300).withMetadata({ orientation: 6 })),
    "cmyk-400x300.jpg": await jpeg(photo(400, 300).toColourspace("cmyk")),
    "alpha-300x200.png": clear,
  };
}

/** Some images of each domain of PACS, where it is there. */
async function pacsFiles(): Promise<Record<string, Uint8Array>> {
  if (!existsSync(pacsFolder)) return {};
  const { train, domainNames, read } = await pacs.open({ data: pacsFolder });
  const files: Record<string, Uint8Array> = {};
  for (const [domain, name] of domainNames.entries()) {
    const own = train.filter((sample) => sample.domain === domain);
    for (const [i, sample] of [own[0]!, own[own.length >> 1]!, own.at(-1)!].entries()) {
      const image = await read(sample);
      if (image.kind === "encoded") files[`pacs-${name}-${i}.jpg`] = image.bytes;
    }
  }
  return files;
}

function prepared(bytes: Uint8Array, processor: string): Promise<Uint8Array> {
  const preprocessing = { size: SIZE, mean: [0, 0, 0], std: [1, 1, 1], ...PROCESSORS[processor]! } as const;
  return sharpTransform({ kind: "encoded", bytes }, preprocessing, null);
}

/** Means of 4 x 4 blocks, per channel. */
function blocksOf(pixels: Uint8Array): number[] {
  const sums = new Float64Array(48);
  for (const [i, value] of pixels.entries()) {
    const [x, y] = [Math.floor(i / 3) % SIZE, Math.floor(i / 3 / SIZE)];
    sums[(Math.floor((y * 4) / SIZE) * 4 + Math.floor((x * 4) / SIZE)) * 3 + (i % 3)]! += value;
  }
  return Array.from(sums, (sum) => sum / (SIZE / 4) ** 2);
}

/** Kinds whose pixels differ for a reason: docs/backbones.md names them. */
const UNLIKE = ["cmyk", "alpha", "squashed", "shifted"];

/** What kind of case a row of the table is about. */
function groupOf({ processor, file, width, height }: Result): string {
  const [kind] = file.split("-") as [string];
  if (kind === "cmyk" || kind === "alpha") return kind;
  if (processor === "DeiT" && width !== height) return "squashed";
  const { cropFraction } = PROCESSORS[processor]!;
  if (cropFraction === null || processor === "timm") return kind;
  // transformers rounds the place of the center down; torchvision and timm round it half to even, and so do we.
  const longer = Math.floor(
    (Math.floor(SIZE / cropFraction) * Math.max(width, height)) / Math.min(width, height),
  );
  return (longer - SIZE) % 4 === 3 ? "shifted" : kind;
}

test("blocks of the prepared images are those of the libraries", async () => {
  const goldens: readonly Pick<Result, "processor" | "file" | "blocks">[] = JSON.parse(
    readFileSync(goldenFile, "utf8"),
  );
  const files = await drawnFiles();
  expect(goldens.length).toBeGreaterThan(30);
  for (const { processor, file, blocks } of goldens) {
    const own = blocksOf(await prepared(files[file]!, processor));
    for (const [i, value] of blocks.entries())
      expect(Math.abs(own[i]! - value), `${processor}, ${file}, block ${i}`).toBeLessThan(0.5);
  }
});

test.skipIf(python === undefined)(
  "pixels of the prepared images are those of the libraries",
  async () => {
    const scratch = mkdtempSync(join(tmpdir(), "fm-lora-preprocessing-"));
    try {
      const cases: { processor: string; file: string; pixels: string }[] = [];
      for (const [file, bytes] of Object.entries({ ...(await drawnFiles()), ...(await pacsFiles()) })) {
        writeFileSync(join(scratch, file), bytes);
        for (const processor of Object.keys(PROCESSORS)) {
          const pixels = `${processor}-${file}.pixels`;
          writeFileSync(join(scratch, pixels), await prepared(bytes, processor));
          cases.push({ processor, file, pixels });
        }
      }
      writeFileSync(join(scratch, "cases.json"), JSON.stringify(cases));
      const script = fileURLToPath(new URL("preprocessing.py", import.meta.url));
      const results: readonly Result[] = JSON.parse(
        execFileSync(python!, [script, scratch], {
          env: { ...process.env, HF_HUB_OFFLINE: "1" },
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        }),
      );
      expect(results).toHaveLength(cases.length);
      console.log(table(results));
      const usual = results.filter((each) => !UNLIKE.includes(groupOf(each)));
      expect(usual.length).toBeGreaterThan(results.length / 2);
      for (const { processor, file, mean, largest } of usual) {
        expect(mean, `${processor}, ${file}`).toBeLessThan(0.7);
        expect(largest, `${processor}, ${file}`).toBeLessThanOrEqual(12);
      }
      const kept = usual.filter(({ file }) => !file.startsWith("pacs"));
      if (process.env.FMLORA_WRITE_GOLDENS === "true")
        writeFileSync(
          goldenFile,
          `[\n${kept.map(({ processor, file, blocks }) => JSON.stringify({ processor, file, blocks })).join(",\n")}\n]\n`,
        );
    } finally {
      rmSync(scratch, { recursive: true });
    }
  },
  240_000,
);

/** Mean and largest difference by processor and group of files. */
function table(results: readonly Result[]): string {
  const lines = Object.keys(PROCESSORS).flatMap((processor) =>
    [...new Set(results.map(groupOf))].flatMap((group) => {
      const own = results.filter((each) => each.processor === processor && groupOf(each) === group);
      if (own.length === 0) return [];
      const mean = own.reduce((sum, each) => sum + each.mean, 0) / own.length;
      const largest = Math.max(...own.map((each) => each.largest));
      return [
        `${processor} ${group} (${own.length}): mean ${mean.toFixed(2)}, largest ${largest.toFixed(0)}`,
      ];
    }),
  );
  return lines.join("\n");
}
