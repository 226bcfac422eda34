/** @file Weights that lie: refused in one line before anything large is allocated, in files of many gigabytes too. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { expectComplaint, goldenNamed, storedTensors, writeFiles } from "./folder.ts";

const GIGABYTE = 2 ** 30;
const vit = goldenNamed("vit");
const stored = storedTensors(vit);
const folder = mkdtempSync(join(tmpdir(), "fm-lora-bad-"));
const file = join(folder, "model.safetensors");
afterAll(() => rmSync(folder, { recursive: true }));

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** The golden's weights with the header changed, in a file of that many bytes, most of them a hole on the disk. */
function write(change: (header: Header) => object, bytes?: number): void {
  const whole = encodeSafetensors(stored);
  const length = Number(new DataView(whole.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(whole.subarray(8, 8 + length))) as Header;
  const text = new TextEncoder().encode(JSON.stringify(change(header)));
  const first = new Uint8Array(8 + text.length);
  new DataView(first.buffer).setBigUint64(0, BigInt(text.length), true);
  first.set(text, 8);
  writeFiles(folder, { "config.json": vit.config, "preprocessor_config.json": vit.preprocessor! });
  writeFileSync(file, first);
  truncateSync(file, bytes ?? first.length + whole.length - 8 - length);
}

/** Expects one line, and next to nothing allocated. */
function expectCheapComplaint(expected: string): void {
  const before = process.memoryUsage();
  expectComplaint(() => loadBackbone(folder), expected);
  const after = process.memoryUsage();
  const allocated = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
  expect(allocated).toBeLessThan(8 * 2 ** 20);
}

const QUERY = "encoder.layer.1.attention.attention.query.weight";
/** Changes one tensor's entry. */
const changed =
  (change: Partial<Header[string]>, name = QUERY) =>
  (header: Header): Header => ({ ...header, [name]: { ...header[name]!, ...change } });

test.each([
  [
    "a tensor beyond the end of the file",
    changed({ shape: [2 ** 31], data_offsets: [0, 2 ** 33] }),
    undefined,
    "truncated: tensor",
  ],
  ["offsets that overlap", changed({ data_offsets: [0, 2304] }), undefined, "overlap"],
  [
    "negative offsets",
    changed({ data_offsets: [-1600, 0] }),
    undefined,
    "has no valid dtype, shape and data_offsets",
  ],
  ["bytes that no tensor has", (header: Header) => header, 16 * GIGABYTE, "belong to no tensor"],
  [
    "an integer type",
    changed({ dtype: "I32" }),
    undefined,
    `tensor ${QUERY} is I32; weights are F32, F16, BF16, F64`,
  ],
  ["an unknown type", changed({ dtype: "F8_E4M3" }), undefined, `tensor ${QUERY} is F8_E4M3; supported are`],
  [
    "a shape unlike the bytes",
    changed({ shape: [20, 21] }),
    undefined,
    "which is 1680 bytes, but its offsets span 2304",
  ],
  ["no tensors at all", () => ({}), 8 + 2, "no tensor embeddings.cls_token"],
])("%s", (_, change, bytes, expected) => {
  write(change, bytes);
  expectCheapComplaint(expected);
});

test("a tensor of gigabytes that the config doesn't ask for is refused, not read", () => {
  const end = Object.values(stored).reduce((sum, { data }) => sum + data.byteLength, 0);
  const huge = { dtype: "F32", shape: [4 * GIGABYTE], data_offsets: [end, end + 16 * GIGABYTE] };
  let headerBytes = 0;
  write((header) => {
    const all = { ...header, huge };
    headerBytes = JSON.stringify(all).length;
    return all;
  });
  truncateSync(file, 8 + headerBytes + end + 16 * GIGABYTE);
  expectCheapComplaint("has no use for, first huge");
});

test.each([
  ["zeros", Buffer.alloc(8), "its header claims 0 bytes"],
  [
    "a header longer than the file",
    Buffer.from([0, 0, 0, 0, 0, 1, 0, 0]),
    "its header claims 1099511627776 bytes",
  ],
  [
    "a header longer than any",
    Buffer.from([255, 255, 255, 255, 255, 255, 255, 255]),
    "its header claims 18446744073709551615",
  ],
  [
    "a header of 90 MB that is no JSON",
    Buffer.from([0, 0, 0x5d, 5, 0, 0, 0, 0]),
    "its header is no JSON object",
  ],
])("a file of 16 GB that begins with %s", (_, first, expected) => {
  write((header) => header);
  writeFileSync(file, first);
  truncateSync(file, 16 * GIGABYTE);
  expectCheapComplaint(expected);
});
