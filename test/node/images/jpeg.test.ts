/** @file The fast way for ordinary JPEGs: close to libjpeg's pixels, and nothing unusual goes through it. */
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { decodeJpeg, ordinarySize } from "../../../src/node/images/jpeg.ts";
import { wavePattern } from "../../data/pillow-cases.ts";
import { decodeWhole } from "../../support/whole-image.ts";

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

/** TIFF's types that an orientation is written in, with their bytes. */
const TYPES = {
  BYTE: [1, 1],
  SHORT: [3, 2],
  LONG: [4, 4],
  SBYTE: [6, 1],
  SSHORT: [8, 2],
  SLONG: [9, 4],
} as const;

/** A JPEG with an Exif segment of one directory behind its start. */
function withExif(jpeg: Uint8Array, { type, little, value, extra, padding }: Exif): Buffer {
  const tiff = Buffer.alloc(8 + padding + 2 + 12 * (1 + extra) + 4);
  const number = (at: number, value: number, bytes: number): void => {
    if (little) tiff.writeUIntLE(value, at, bytes);
    else tiff.writeUIntBE(value, at, bytes);
  };
  tiff.write(little ? "II" : "MM");
  number(2, 42, 2);
  number(4, 8 + padding, 4);
  number(8 + padding, 1 + extra, 2);
  for (let entry = 0; entry <= extra; entry++) {
    const at = 8 + padding + 2 + 12 * entry;
    const [code, bytes] = TYPES[entry === extra ? type : "SHORT"];
    number(at, entry === extra ? 0x0112 : 0x0100 + entry, 2);
    number(at + 2, code, 2);
    number(at + 4, 1, 4);
    number(at + 8, entry === extra ? value : 5, bytes);
  }
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  const body = Buffer.concat([Buffer.from("Exif\0\0"), tiff]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, body, jpeg.subarray(2)]);
}

interface Exif {
  readonly type: keyof typeof TYPES;
  readonly little: boolean;
  readonly value: number;
  /** Entries before the orientation, and bytes before the directory. */
  readonly extra: number;
  readonly padding: number;
}

test("photos of 128 pixels and more are turned as sharp turns them, however Exif says it", async () => {
  const jpeg = await waves().jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
  expect(ordinarySize(jpeg)).not.toBeNull();
  const same = async (exif: Exif): Promise<void> => {
    const bytes = withExif(jpeg, exif);
    const theirs = await sharp(bytes).autoOrient().raw().toBuffer({ resolveWithObject: true });
    const own = (await decodeWhole({ kind: "encoded", bytes }))!;
    expect([own.width, own.height], JSON.stringify(exif)).toEqual([theirs.info.width, theirs.info.height]);
    const difference = theirs.data.reduce((sum, value, at) => sum + Math.abs(value - own.data[at]!), 0);
    expect(difference / theirs.data.length, JSON.stringify(exif)).toBeLessThan(0.1);
  };
  for (const type of Object.keys(TYPES) as (keyof typeof TYPES)[]) {
    for (const little of [true, false]) {
      for (let value = 0; value <= 9; value++) await same({ type, little, value, extra: 0, padding: 0 });
    }
  }
  const exif = fc.record({
    type: fc.constantFrom(...(Object.keys(TYPES) as (keyof typeof TYPES)[])),
    little: fc.boolean(),
    value: fc.nat(9),
    extra: fc.nat(5),
    padding: fc.constantFrom(0, 2, 7),
  });
  await fc.assert(fc.asyncProperty(exif, same), { numRuns: 60 });
});

test("an upright photo takes the fast way in both byte orders", async () => {
  const jpeg = await waves().jpeg().toBuffer();
  const size = (exif: Partial<Exif>) =>
    ordinarySize(withExif(jpeg, { type: "SHORT", little: true, value: 1, extra: 2, padding: 0, ...exif }));
  for (const little of [true, false]) {
    expect(size({ little })).toEqual({ width: WIDTH, height: HEIGHT });
    expect(size({ little, value: 6 })).toBeNull();
    expect(size({ little, type: "LONG" })).toBeNull();
  }
});
