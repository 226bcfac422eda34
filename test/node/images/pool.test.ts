import { execFileSync } from "node:child_process";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import type { Preprocessing, StoredImage, View } from "../../../src/data/dataset.ts";
import type { RgbImage } from "../../../src/data/placement.ts";
import { imagePool } from "../../../src/node/images/pool.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { wavePattern } from "../../data/pillow-cases.ts";

const preprocessing: Preprocessing = {
  size: 48,
  cropFraction: null,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
};
const raw = wavePattern(60, 40);
const jpegOf = async ({ width, height, data }: RgbImage): Promise<StoredImage> => ({
  kind: "encoded",
  bytes: await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer(),
});
const jpeg = await jpegOf(raw);
const ordinary = await jpegOf(wavePattern(160, 130)); // not by sharp
const views: readonly (View | null)[] = Array.from({ length: 12 }, (_, seed) =>
  seed === 0 ? null : { crop: { scale: [0.1, 1], ratio: [0.75, 1.3], seed }, flip: seed % 2 === 0 },
);
const pools = [0, 1, 3].map(imagePool);
afterAll(() => Promise.all(pools.map((pool) => pool.close())));

describe("imagePool(workers)", () => {
  test.each([0, 1, 2])("gives sharpTransform's pixels (pool %i of 0, 1 and 3 threads)", async (which) => {
    const { transform } = pools[which]!;
    for (const image of [raw, jpeg, ordinary]) {
      const expected = await Promise.all(views.map((view) => sharpTransform(image, preprocessing, view)));
      const found = await Promise.all(views.map((view) => transform(image, preprocessing, view)));
      for (const [i, pixels] of found.entries()) expect(Buffer.from(pixels).equals(expected[i]!)).toBe(true);
    }
  });

  test("leaves the caller its bytes, also of a part of a larger array", async () => {
    const larger = new Uint8Array(raw.data.length + 10);
    larger.set(raw.data, 10);
    const part: StoredImage = { ...raw, data: larger.subarray(10) };
    const first = await pools[1]!.transform(part, preprocessing, null);
    expect(part.data.length).toBe(raw.data.length);
    expect(Buffer.from(await pools[1]!.transform(part, preprocessing, null)).equals(first)).toBe(true);
  });

  test("carries what is wrong with an image as InputError, and goes on", async () => {
    const broken: StoredImage = { kind: "encoded", bytes: new TextEncoder().encode("no image at all") };
    const failed = pools[1]!.transform(broken, preprocessing, null);
    await expect(failed).rejects.toThrow(InputError);
    await expect(failed).rejects.toThrow(/^expected a JPEG, PNG, WebP or GIF image/);
    expect(await pools[1]!.transform(jpeg, preprocessing, null)).toHaveLength(48 * 48 * 3);
  });

  test("tells a fault of the program from one of the image", async () => {
    const failed = pools[1]!.transform(raw, null as never, null);
    await expect(failed).rejects.toThrow(/TypeError: Cannot read prope/);
    await expect(failed).rejects.not.toThrow(InputError);
  });

  test("rejects what waits when it is closed, and what comes later", async () => {
    const pool = imagePool(1);
    const started = Array.from({ length: 20 }, () => pool.transform(jpeg, preprocessing, null));
    const outcomes = Promise.allSettled(started);
    await pool.close();
    const states = (await outcomes).map(({ status }) => status);
    expect(states.slice(0, 3)).toEqual(["fulfilled", "fulfilled", "rejected"]);
    expect(states.at(-1)).toBe("rejected");
    await expect(pool.transform(jpeg, preprocessing, null)).rejects.toThrow("closed");
  });

  test("does not keep a process alive, and lets one wait for its images", () => {
    const program = `
      import { imagePool } from "./src/node/images/pool.ts";
      const image = { kind: "rgb", width: 1, height: 1, data: new Uint8Array(3) };
      const { transform } = imagePool(1);
      const pixels = await transform(image, ${JSON.stringify({ ...preprocessing, size: 2 })}, null);
      console.log(pixels.length);
    `;
    const args = ["--import", "tsx", "--input-type=module", "--eval", program];
    expect(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 })).toBe("12\n");
  });
});
