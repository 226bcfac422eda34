import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { Preprocessing, StoredImage } from "../../../src/data/dataset.ts";
import { renderSvg, sharpTransform } from "../../../src/node/images/transform.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { pillowCases, wavePattern } from "../../data/pillow-cases.ts";

const preprocessing = (size: number, cropFraction: number | null = null): Preprocessing => ({
  size,
  cropFraction,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
});
const encoded = (bytes: Uint8Array): StoredImage => ({ kind: "encoded", bytes });
const fromRaw = (data: Uint8Array, width: number, height: number, channels: 1 | 2 | 3 | 4 = 3) =>
  sharp(data, { raw: { width, height, channels } });
const wave = wavePattern(60, 40);
const waveImage = () => fromRaw(wave.data, 60, 40);

/** Left half red, right half blue. */
function halves(width: number, height: number): Uint8Array {
  return Uint8Array.from({ length: width * height * 3 }, (_, byte) => {
    const right = Math.floor(byte / 3) % width >= width / 2;
    return byte % 3 === (right ? 2 : 0) ? 255 : 0;
  });
}

describe("sharpTransform(image, preprocessing, view)", () => {
  test.each(pillowCases)(
    "gives Pillow's pixels: $width x $height to $size, crop $cropFraction, $interpolation",
    async ({ width, height, size, cropFraction, interpolation, pixels }) => {
      const options = { ...preprocessing(size, cropFraction), interpolation };
      expect([...(await sharpTransform(wavePattern(width, height), options, null))]).toEqual(pixels);
    },
  );

  test.each(["png", "webp"] as const)(
    "gives a %s the pixels of its raw rows, shrunk or enlarged",
    async (format) => {
      const file = encoded(await waveImage().toFormat(format, { lossless: true }).toBuffer());
      const view = { crop: { scale: [0.4, 0.4], ratio: [1, 1.2], seed: 3 }, flip: true } as const;
      for (const size of [8, 64]) {
        expect(await sharpTransform(file, preprocessing(size), view)).toEqual(
          await sharpTransform(wave, preprocessing(size), view),
        );
        expect(await sharpTransform(file, preprocessing(size, 0.9), null)).toEqual(
          await sharpTransform(wave, preprocessing(size, 0.9), null),
        );
      }
    },
  );

  test("cuts the crop asked for, and mirrors", async () => {
    const image = { kind: "rgb", width: 8, height: 4, data: halves(8, 4) } as const;
    const narrow = { scale: [1, 1], ratio: [0.5, 0.5], seed: 1 } as const; // never fits: the center, 2 x 4
    const center = await sharpTransform(image, preprocessing(2), { crop: narrow, flip: false });
    expect([...center]).toEqual([255, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255]);
    const mirror = await sharpTransform(image, preprocessing(2), { crop: null, flip: true });
    expect([...mirror.subarray(0, 6)]).toEqual([36, 0, 219, 219, 0, 36]); // the triangle reaches over the middle
  });

  test("turns an image as its EXIF orientation says, before cropping", async () => {
    const turned = encoded(
      await fromRaw(halves(8, 4), 8, 4)
        .withExif({ IFD0: { Orientation: "6" } })
        .withMetadata({ orientation: 6 })
        .png()
        .toBuffer(),
    );
    // A quarter turn clockwise: red (left) comes to the top.
    const wide = { scale: [1, 1], ratio: [2, 2], seed: 1 } as const; // never fits: the center, 4 x 2
    const center = await sharpTransform(turned, preprocessing(2), { crop: wide, flip: false });
    expect([...center]).toEqual([255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255]);
    const whole = await sharpTransform(turned, preprocessing(16, 1), null); // 8 rows x 4 columns, enlarged
    expect([...whole.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  test.each([2, 64])("makes gray, 16-bit, CMYK and transparent images 8-bit RGB at size %d", async (size) => {
    const read = (bytes: Uint8Array) => sharpTransform(encoded(bytes), preprocessing(size), null);
    const first = async (bytes: Uint8Array) => [...(await read(bytes)).subarray(0, 3)];
    const flat = (...pixel: number[]) =>
      Uint8Array.from({ length: 16 * pixel.length }, (_, i) => pixel[i % pixel.length]!);
    const gray = await fromRaw(flat(77), 4, 4, 1).toColourspace("b-w").png().toBuffer();
    expect((await sharp(gray).metadata()).channels).toBe(1);
    expect(await first(gray)).toEqual([77, 77, 77]);
    const deep = await fromRaw(flat(200, 100, 0), 4, 4)
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect(await first(deep)).toEqual([200, 100, 0]);
    const cmyk = await fromRaw(flat(255, 255, 255), 4, 4)
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    const white = await first(cmyk);
    expect(Math.min(...white)).toBeGreaterThan(250);
    const clear = await fromRaw(flat(9, 9, 9, 0), 4, 4, 4)
      .png()
      .toBuffer();
    expect(await first(clear)).toEqual([255, 255, 255]);
    const grayClear = await fromRaw(flat(9, 0), 4, 4, 2).toColourspace("b-w").png().toBuffer();
    expect(await first(grayClear)).toEqual([255, 255, 255]);
  });

  test("refuses a truncated JPEG, and says why", async () => {
    const whole = await waveImage().jpeg().toBuffer();
    for (const size of [8, 100]) {
      const result = sharpTransform(
        encoded(whole.subarray(0, whole.length * 0.6)),
        preprocessing(size),
        null,
      );
      await expect(result).rejects.toThrow(InputError);
      await expect(result).rejects.toThrow(/^can't be decoded \(.+\); replace or remove it$/);
    }
  });

  test("refuses SVG, text and empty files by their content", async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    for (const text of [svg, "not an image", ""]) {
      const result = sharpTransform(encoded(new TextEncoder().encode(text)), preprocessing(8), null);
      await expect(result).rejects.toThrow(InputError);
      await expect(result).rejects.toThrow(/expected a JPEG, PNG, WebP or GIF image/);
    }
  });

  test("refuses an image that unfolds to too many pixels", async () => {
    const bomb = await fromRaw(halves(8, 8), 8, 8).jpeg().toBuffer();
    const frame = bomb.indexOf(Buffer.of(0xff, 0xc0)); // start of frame: marker, length, bits, height, width
    bomb.writeUInt16BE(16000, frame + 5);
    bomb.writeUInt16BE(8000, frame + 7);
    await expect(sharpTransform(encoded(bomb), preprocessing(8), null)).rejects.toThrow(/pixel limit/);
  });

  test("refuses raw rows of the wrong length", async () => {
    const image = { kind: "rgb", width: 2, height: 2, data: new Uint8Array(11) } as const;
    await expect(sharpTransform(image, preprocessing(2), null)).rejects.toThrow(
      "11 bytes are not 2 x 2 RGB pixels",
    );
  });
});

describe("renderSvg(svg, side)", () => {
  test("draws on white, at the size asked for", async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="1" height="1" fill="#f00"/></svg>';
    const pixels = await sharpTransform(await renderSvg(svg, 8), preprocessing(8), null);
    const at = (x: number, y: number) => [...pixels.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3)];
    expect([at(1, 3), at(6, 3), at(1, 0)]).toEqual([
      [255, 0, 0],
      [255, 255, 255],
      [255, 255, 255],
    ]);
  });

  test("refuses what is not SVG", async () => {
    await expect(renderSvg("<html>", 8)).rejects.toThrow(InputError);
  });
});
