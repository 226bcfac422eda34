/** @file Images as browsers decode them, beside Node's: the same pixels, but for what docs/browser.md says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { sharpTransform } from "../../src/node/images/transform.ts";
import { CHROMIUM } from "../support/browser.ts";
import { type CallLab, type LabSite, openLab } from "../support/lab.ts";
import { missing } from "../support/services.ts";

const WIDTH = 150;
const HEIGHT = 131;
const preprocessing: Preprocessing = {
  size: 64,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  interpolation: "bicubic",
  cropFraction: null,
};

/** Waves and noise; channels of `raw`. */
function picture(channels: 3 | 4): Uint8Array {
  return Uint8Array.from({ length: WIDTH * HEIGHT * channels }, (_, i) => {
    const [x, y, c] = [Math.floor(i / channels) % WIDTH, Math.floor(i / channels / WIDTH), i % channels];
    if (c === 3) return (255 * x) / WIDTH;
    return 128 + 70 * Math.sin(x / 9 + c) + 40 * Math.cos(y / 4 - c) + ((x * 7919 + y * 104729) % 17);
  });
}
const raw = (channels: 3 | 4) =>
  sharp(picture(channels), { raw: { width: WIDTH, height: HEIGHT, channels } });

/** File -> bytes, and the most by which a resized pixel may differ, in mean and at most. */
const FILES: Readonly<Record<string, readonly [bytes: () => Promise<Buffer>, mean: number, most: number]>> = {
  "plain.png": [() => raw(3).png().toBuffer(), 0, 0],
  "gray.png": [() => raw(3).grayscale().png().toBuffer(), 0, 0],
  "palette.png": [() => raw(3).png({ palette: true, colors: 32 }).toBuffer(), 0, 0],
  "transparent.png": [() => raw(4).png().toBuffer(), 0.6, 2],
  "chroma-whole.jpg": [() => raw(3).jpeg({ chromaSubsampling: "4:4:4" }).toBuffer(), 0.1, 1],
  "chroma-halved.jpg": [() => raw(3).jpeg({ chromaSubsampling: "4:2:0" }).toBuffer(), 0.6, 4],
  "turned.jpg": [
    () => raw(3).withMetadata({ orientation: 6 }).jpeg({ chromaSubsampling: "4:4:4" }).toBuffer(),
    0.1,
    1,
  ],
  "plain.webp": [() => raw(3).webp({ lossless: true }).toBuffer(), 0, 0],
  "plain.gif": [() => raw(3).gif().toBuffer(), 0, 0],
};

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-web-images-"));
let site: LabSite;
let call: CallLab;

beforeAll(async () => {
  if (nothing) return;
  mkdirSync(join(root, "files"));
  for (const [name, [bytes]] of Object.entries(FILES))
    writeFileSync(join(root, "files", name), await bytes());
  site = await openLab({ "/files/": { folder: join(root, "files") } });
  ({ call } = await site.open());
});
afterAll(async () => {
  await site?.close();
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(nothing)("an image file in Chromium", () => {
  test.each(Object.keys(FILES))("%s", async (name) => {
    const [bytes, mean, most] = FILES[name]!;
    const theirs = Buffer.from(await call<string>("pixels", `/files/${name}`, preprocessing), "base64");
    const ours = await sharpTransform({ kind: "encoded", bytes: await bytes() }, preprocessing, null);
    expect(theirs).toHaveLength(ours.length);
    const differences = Array.from(ours, (value, i) => Math.abs(value - theirs[i]!));
    const found = differences.reduce((sum, each) => sum + each, 0) / differences.length;
    expect(found).toBeLessThanOrEqual(mean);
    expect(Math.max(...differences)).toBeLessThanOrEqual(most);
  });
});
