/** @file The fast way for ordinary JPEGs: close to libjpeg's pixels, and nothing unusual goes through it. */
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { decodeJpeg, ordinarySize } from "../../../src/node/images/jpeg.ts";
import { wavePattern } from "../../data/pillow-cases.ts";

const [WIDTH, HEIGHT] = [203, 151];

function waves(width = WIDTH, height = HEIGHT): Sharp {
  return sharp(wavePattern(width, height).data, { raw: { width, height, channels: 3 } });
}
const box = { left: 17, top: 5, width: 120, height: 90 };

describe("decodeJpeg(bytes, box)", () => {
  test.each([
    ["4:4:4", false, 0.1],
    ["4:4:4", true, 0.1],
    ["4:2:0", false, 0.5],
    ["4:2:0", true, 0.5],
  ] as const)(
    "%s, progressive %s: libjpeg's pixels but for %d on average",
    async (sampling, progressive, most) => {
      const bytes = await waves().jpeg({ quality: 90, chromaSubsampling: sampling, progressive }).toBuffer();
      expect(ordinarySize(bytes)).toEqual({ width: WIDTH, height: HEIGHT });
      const [own, theirs] = [await decodeJpeg(bytes, box), await sharp(bytes).extract(box).raw().toBuffer()];
      const differences = theirs.map((value, index) => Math.abs(value - own!.data[index]!));
      expect(Math.max(...differences)).toBeLessThanOrEqual(6);
      expect(differences.reduce((sum, value) => sum + value, 0) / differences.length).toBeLessThan(most);
    },
  );

  test("gives nothing for a file that breaks off within its header's promises", async () => {
    const bytes = await waves().jpeg().toBuffer();
    const scan = bytes.indexOf(Buffer.of(0xff, 0xda));
    expect(await decodeJpeg(bytes.subarray(0, scan), box)).toBeNull();
  });
});

describe("ordinarySize(bytes)", () => {
  test("leaves to sharp what is turned, gray, CMYK, small, cut off or no JPEG", async () => {
    const jpeg = await waves().jpeg().toBuffer();
    const others: Record<string, Uint8Array> = {
      turned: await waves().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
      gray: await waves().toColourspace("b-w").jpeg().toBuffer(),
      cmyk: await waves().toColourspace("cmyk").jpeg().toBuffer(),
      small: await waves(97, 61).jpeg().toBuffer(),
      cut: jpeg.subarray(0, -2),
      png: await waves().png().toBuffer(),
      empty: new Uint8Array(),
    };
    for (const [name, bytes] of Object.entries(others)) expect(ordinarySize(bytes), name).toBeNull();
    const upright = await waves().withMetadata({ orientation: 1 }).jpeg().toBuffer();
    expect(ordinarySize(upright)).toEqual({ width: WIDTH, height: HEIGHT });
  });

  test("reads no byte beyond what it is given", async () => {
    const jpeg = await waves().withMetadata({ orientation: 1 }).jpeg().toBuffer();
    for (let length = 0; length < 700; length++) {
      const cut = Buffer.concat([jpeg.subarray(0, length), Buffer.of(0xff, 0xd9)]);
      expect(() => ordinarySize(cut)).not.toThrow();
    }
  });
});
