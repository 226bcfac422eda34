/** @file Parquet files that claim what isn't so: refused before anything large is made, or ended. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { FileMetaData } from "hyparquet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boundedCompressors, checkMetadata } from "../../../src/node/archives/parquet-pages.ts";
import { PageCache, ParquetTable } from "../../../src/node/archives/parquet-table.ts";
import { openRemoteTable, ParquetThread } from "../../../src/node/archives/parquet-thread.ts";
import { checkZstdFrame } from "../../../src/node/archives/zstd-frame.ts";
import { refusalIn } from "../../support/refusal.ts";
import { parquetOf } from "./parquets.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-hostile-"));
});
afterAll(() => rm(root, { recursive: true }));

const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
const write = async (name: string, bytes: Uint8Array): Promise<string> => {
  await writeFile(join(root, name), bytes);
  return join(root, name);
};
const labels = (values: readonly bigint[]) => ({ label: { type: "INT64" as const, values } });
const SOUND = parquetOf("img", [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)], labels([0n, 1n]));
const opened = (file: string): Promise<ParquetTable> => ParquetTable.open(file, new PageCache());

describe("what a file claims", () => {
  test("a page of a negative length, from which the library would go backwards for ever", async () => {
    // PAR1, then the first page's header: kind, unfolded size, size; the lowest bit of a number is its sign.
    const damaged = Buffer.from(SOUND);
    expect([damaged[4], damaged[6], damaged[8]]).toEqual([0x15, 0x15, 0x15]);
    damaged[9]! |= 1;
    const table = await opened(await write("negative.parquet", damaged));
    expect(await refusal(table.image("img", 0))).toMatch(
      /^negative.parquet#0: can't be read from DIR\/negative.parquet \(a count or an offset is -\d+\)/,
    );
  });

  test("more rows than bytes", async () => {
    const rows = 300_000;
    const many = parquetOf("img", new Array(rows).fill(null), labels(new Array(rows).fill(1n)));
    expect(many.length).toBeLessThan(rows);
    expect(await refusal(opened(await write("many.parquet", many)))).toMatch(
      /^DIR\/many.parquet: can't be read as parquet \(it claims 300000 rows in \d+ bytes\)/,
    );
  });

  const column = { path_in_schema: ["x"], data_page_offset: 4n, total_compressed_size: 10n };
  const claims = (changes: object): FileMetaData =>
    ({
      schema: [
        { name: "root", num_children: 1 },
        { name: "x", type: "INT64" },
      ],
      num_rows: 10n,
      row_groups: [{ num_rows: 10n, columns: [{ meta_data: column }] }],
      ...changes,
    }) as unknown as FileMetaData;
  const group = (rows: bigint, part: object = column) => ({ num_rows: rows, columns: [{ meta_data: part }] });
  test.each<[string, object, RegExp | null]>([
    ["nothing odd", {}, null],
    [
      "100 million rows",
      { num_rows: 100_000_000n, row_groups: [group(100_000_000n)] },
      /claims 100000000 rows in 1000 bytes/,
    ],
    ["rows that no row group has", { num_rows: 11n }, /claims 11 rows, and its row groups hold 10/],
    ["row groups of a negative size", { row_groups: [group(-5n), group(15n)] }, /a count or an offset is -5/],
    [
      "a column that the schema doesn't have",
      { row_groups: [group(10n, { ...column, path_in_schema: ["x", "y"] })] },
      /column "x.y" is not in its schema/,
    ],
    [
      "a column behind the end",
      { row_groups: [group(10n, { ...column, data_page_offset: 999n })] },
      /ends outside/,
    ],
    [
      "a column without a place",
      { row_groups: [group(10n, { ...column, data_page_offset: undefined })] },
      /an offset is undefined/,
    ],
  ])("%s", (_, changes, message) => {
    const check = (): void => checkMetadata(claims(changes), 1000);
    if (message === null) check();
    else expect(check).toThrow(message);
  });
});

test("a file that keeps its reader busy is given up, and the next one is read", async () => {
  // A number of 600,000 digits to the base of 128, which the library adds up digit by digit.
  const footer = Buffer.concat([Buffer.from([0x16]), Buffer.alloc(600_000, 0xff), Buffer.from([1, 0])]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  const endless = await write(
    "endless.parquet",
    Buffer.concat([Buffer.from("PAR1"), footer, length, Buffer.from("PAR1")]),
  );
  const thread = new ParquetThread(3);
  expect(await refusal(openRemoteTable(endless, thread))).toBe(
    "DIR/endless.parquet: can't be read as parquet (reading it takes longer than 0.6 s); it is damaged: fetch it again",
  );
  const patient = new ParquetThread();
  const table = await openRemoteTable(await write("sound.parquet", SOUND), patient);
  expect([table.rows, table.columns, await table.column("label")]).toEqual([2, ["img", "label"], [0, 1]]);
  expect(await table.image("img", 1)).toEqual(Uint8Array.of(4, 5));
  expect(await refusal(table.image("img", 7))).toMatch(/^sound.parquet#7: can't be read/);
});

describe("compressed pages", () => {
  const zeros = new Uint8Array(2 ** 20);
  test.each([
    ["GZIP", gzipSync(zeros)],
    ["BROTLI", brotliCompressSync(zeros)],
  ] as const)("%s ends at the length that the page claims", (codec, bytes) => {
    expect(boundedCompressors[codec]!(bytes, zeros.length)).toHaveLength(zeros.length);
    expect(() => boundedCompressors[codec]!(bytes, 1000)).toThrow();
  });

  test("Hadoop's LZ4 is refused by name", () => {
    expect(() => boundedCompressors.LZ4!(zeros, 5)).toThrow(/LZ4 with Hadoop's frames is not read/);
  });

  /** Magic, a size of one byte in a single segment, then blocks: the last one is marked. */
  const frame = (size: number, ...blocks: readonly (readonly number[])[]): Uint8Array =>
    Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, size, ...blocks.flat()]);
  const head = (last: boolean, kind: number, size: number): number[] => {
    const word = (size << 3) | (kind << 1) | Number(last);
    return [word & 255, (word >> 8) & 255, word >> 16];
  };
  const whole = frame(5, [...head(false, 0, 2), 7, 8], [...head(true, 1, 3), 9]);
  test.each<[string, Uint8Array, RegExp | null]>([
    ["a sound frame", whole, null],
    ["another size", frame(6, [...head(true, 1, 6), 9]), /does not say that it has 5 bytes/],
    [
      "runs without end",
      frame(5, [...head(false, 1, 5), 9], [...head(true, 1, 131_072), 9]),
      /give more than the frame says/,
    ],
    ["a block of a megabyte", frame(5, [...head(true, 2, 2 ** 20)]), /a Zstandard block is damaged/],
    ["a second frame", Buffer.concat([whole, whole]), /ends elsewhere than the page/],
    ["a skippable frame", Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 255, 255, 255, 255), /no Zstandard frame/],
    ["a cut", whole.subarray(0, 7), /./],
  ])("Zstandard: %s", (_, bytes, message) => {
    if (message === null) expect([...boundedCompressors.ZSTD!(bytes, 5)]).toEqual([7, 8, 9, 9, 9]);
    else expect(() => checkZstdFrame(bytes, 5)).toThrow(message);
  });
});
