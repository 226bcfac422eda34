/** @file Files that a command is to write: looked at before the work, and nothing left behind when it fails. */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { NpyWriter } from "../../../src/node/files/npy.ts";
import { checkTarget } from "../../../src/node/files/target.ts";
import { refusalIn } from "../../support/refusal.ts";

let root: string;
let handles: FileHandle;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-targets-"));
  writeFileSync(join(root, "file"), "");
  mkdirSync(join(root, "folder"));
  handles = Object.getPrototypeOf(await open(join(root, "file"))) as FileHandle;
});
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

const refusal = (file: string): Promise<string> => refusalIn(root, checkTarget("--out", file));

test("what can't be written is refused, by option and reason", async () => {
  expect(await refusal("")).toBe('--out "": expected the name of a file');
  expect(await refusal(join(root, "new/"))).toBe('--out "DIR/new/": expected the name of a file');
  expect(await refusal(join(root, "folder"))).toBe("--out DIR/folder: is a folder; name a file");
  expect(await refusal(join(root, "file", "x.npy"))).toBe(
    "--out DIR/file/x.npy: cannot be written: a part of the path is a file, not a folder; choose another name",
  );
  for (const length of [300, 250]) {
    expect(await refusal(join(root, "x".repeat(length)))).toMatch(
      /^--out DIR\/x+: cannot be written: the name is too long; choose another name$/,
    );
  }
  expect(await refusal(join(root, "file"))).toBe("opened");
  expect(await refusal(join(root, "new", "folders", "x.npy"))).toBe("opened");
  expect(readdirSync(root).sort()).toEqual(["file", "folder"]);
});

test.skipIf(process.platform === "win32")("what is no regular file is never replaced", async () => {
  const file = join(root, "socket");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(file, resolve));
  expect(await refusal(file)).toBe(
    "--out DIR/socket: is no regular file; it would be replaced, choose another name",
  );
  expect(lstatSync(file).isSocket()).toBe(true);
  await new Promise((resolve) => server.close(resolve));
});

test("a matrix that is given up leaves neither its file nor the folders made for it", async () => {
  const writer = await NpyWriter.open(join(root, "a", "b", "x.npy"), 2, 3);
  expect(readdirSync(join(root, "a", "b"))).toHaveLength(1);
  await writer.discard();
  expect(existsSync(join(root, "a"))).toBe(false);
  const second = await NpyWriter.open(join(root, "a", "b", "x.npy"), 2, 3);
  writeFileSync(join(root, "a", "other"), ""); // somebody else's, in the meantime
  await second.discard();
  expect(readdirSync(join(root, "a"))).toEqual(["other"]);
  rmSync(join(root, "a"), { recursive: true });
});

test("short writes are continued; a disk that takes nothing more is told, and the file gets no name", async () => {
  const write = handles.write as (
    this: FileHandle,
    bytes: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => Promise<{ bytesWritten: number; buffer: Uint8Array }>;
  let room = Number.POSITIVE_INFINITY;
  vi.spyOn(handles, "write").mockImplementation(async function (this: FileHandle, ...given: unknown[]) {
    const [bytes, at, length, position] = given as [Uint8Array, number, number, number];
    const some = Math.min(7, length, room);
    room -= some;
    return some === 0 ? { bytesWritten: 0, buffer: bytes } : write.call(this, bytes, at, some, position);
  } as never);
  const file = join(root, "x.npy");
  const writer = await NpyWriter.open(file, 2, 2);
  await writer.append(new Float32Array([1, 2, 3, 4]));
  expect(await writer.finish()).toBe(2);
  expect(lstatSync(file).size).toBe(128 + 16);
  const full = await NpyWriter.open(join(root, "full.npy"), 2, 2);
  room = 10;
  await expect(full.append(new Float32Array([1, 2, 3, 4]))).rejects.toThrow("the disk is full");
  await full.discard();
  expect(readdirSync(root).filter((name) => name.startsWith("full"))).toEqual([]);
});
