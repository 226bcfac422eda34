/** @file `fmlora data check` on archives that are wrong in ways that no archiver makes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { data } from "../benchmarks/check-command.ts";
import { tarOf } from "./archives.ts";
import { picture } from "./pictures.ts";

const place = mkdtempSync(join(tmpdir(), "fm-lora-broken-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

const BLOCK = 512;

/** A tar of one image a class and part. */
const whole = async (): Promise<Buffer> => {
  const paths = ["train/a/1.jpg", "test/a/2.jpg"];
  return tarOf(await Promise.all(paths.map(async (path) => ({ path, bytes: await picture(path) }))));
};

/** The first header of a tar rewritten, with its checksum. */
function withHeader(tar: Buffer, at: number, text: string): Buffer {
  const changed = Buffer.from(tar);
  changed.write(text, at, "latin1");
  changed.write(" ".repeat(8), 148, "latin1"); // the checksum counts as spaces
  const sum = changed.subarray(0, BLOCK).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return changed;
}

async function check(benchmark: string, name: string, bytes: Uint8Array): Promise<string> {
  const file = join(place, name);
  writeFileSync(file, bytes);
  return (await data("check", benchmark, "--data", file)).replaceAll(place, "DIR");
}

describe("fmlora data check", () => {
  test("names a tar that is cut off between two files", async () => {
    const tar = await whole();
    const second = BLOCK + Math.ceil((await picture("train/a/1.jpg")).length / BLOCK) * BLOCK;
    expect(await check("folder", "x.tar", tar)).toContain("no problem found");
    expect(await check("folder", "x.tar", tar.subarray(0, second))).toBe(
      "fmlora: DIR/x.tar: can't be read as an archive (it has no end mark); it may be cut off: fetch it again [2]",
    );
  });

  test("refuses an entry of a kind that nobody knows", async () => {
    const [typeAt, unknown] = [156, "Z"];
    expect(await check("folder", "x.tar", withHeader(await whole(), typeAt, unknown))).toBe(
      'fmlora: DIR/x.tar: entry "train/a/1.jpg" is a file of unknown type; refused: expected files and folders only [2]',
    );
  });

  test("refuses a part of CIFAR-100 that claims more bytes than there can be", async () => {
    const tar = await tarOf([{ path: "cifar-100-binary/train.bin", bytes: new Uint8Array(BLOCK) }]);
    const [sizeAt, tooLarge] = [124, (2 ** 30).toString(8).padStart(11, "0")];
    expect(await check("cifar100", "cifar-100-binary.tar", withHeader(tar, sizeAt, tooLarge))).toBe(
      "fmlora: DIR/cifar-100-binary.tar: cifar-100-binary/train.bin has 1073741824 bytes; refused: fetch it again [2]",
    );
  });

  test("refuses a folder where a benchmark reads none", async () => {
    expect((await data("check", "emoji", "--data", place)).replaceAll(place, "DIR")).toBe(
      'fmlora: emoji: it needs nothing but its npm packages and reads no data folder, but "DIR" was given; leave it out [2]',
    );
  });
});
