/** @file The one writer: all bytes or the old file, whatever the disk does. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { appendWhole, copyWhole, WholeFile, writeWhole } from "../../../src/node/files/write.ts";
import { explainWrites, RUN_FILE, RUN_LOG } from "../../../src/node/files/write-errors.ts";

let root: string;
let handles: FileHandle;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-write-"));
  const handle = await open(at("any"), "w");
  handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
});
afterAll(() => rmSync(root, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

type Write = (
  this: FileHandle,
  bytes: Uint8Array,
  at: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number; buffer: Uint8Array }>;

/** A disk that takes `some` bytes a write, `room` in all, and says nothing when there are no more. Returns the lengths asked. */
function disk(some: number, room = Number.POSITIVE_INFINITY): number[] {
  const write = handles.write as Write;
  const asked: number[] = [];
  let left = room;
  vi.spyOn(handles, "write").mockImplementation(async function (this: FileHandle, ...given: unknown[]) {
    const [bytes, start, length, position] = given as [Uint8Array, number, number, number];
    asked.push(length);
    const taken = Math.min(some, length, left);
    left -= taken;
    return taken === 0 ? { bytesWritten: 0, buffer: bytes } : write.call(this, bytes, start, taken, position);
  } as never);
  return asked;
}

test("a write that takes fewer bytes is continued; a full disk keeps the old file and leaves nothing else", async () => {
  disk(3);
  await writeWhole(at("a.bin"), "0123456789");
  expect(readFileSync(at("a.bin"), "utf8")).toBe("0123456789");
  vi.restoreAllMocks();
  disk(4, 8);
  await expect(writeWhole(at("a.bin"), "another text", RUN_FILE)).rejects.toThrow(
    `${at("a.bin")}: cannot be written: the disk is full; free some space and continue with --resume`,
  );
  expect(readFileSync(at("a.bin"), "utf8")).toBe("0123456789");
  expect(readdirSync(root).filter((name) => name.startsWith("a.bin"))).toEqual(["a.bin"]);
});

test("a file that is shorter than what was written never gets its name", async () => {
  vi.spyOn(handles, "stat").mockImplementation((async () => ({ size: 4096 })) as never);
  await expect(writeWhole(at("short"), new Uint8Array(13_145))).rejects.toThrow("the disk is full");
  expect(existsSync(at("short"))).toBe(false);
});

test("no system call is asked for more than 16 MiB, so that files of any size work", async () => {
  const asked = disk(Number.POSITIVE_INFINITY);
  await writeWhole(at("large"), new Uint8Array(2 ** 24 + 5).fill(7));
  expect(asked).toEqual([2 ** 24, 5]);
  expect(statSync(at("large")).size).toBe(2 ** 24 + 5);
  rmSync(at("large"));
});

test.skipIf(process.platform === "win32")(
  "a link is replaced and what it names is left alone; permissions stay",
  async () => {
    writeFileSync(at("precious"), "precious");
    symlinkSync(at("precious"), at("link"));
    await writeWhole(at("link"), "new");
    await copyWhole(at("any"), at("link"));
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
    expect(() => readlinkSync(at("link"))).toThrow();
    writeFileSync(at("secret"), "old");
    chmodSync(at("secret"), 0o600);
    await writeWhole(at("secret"), "new");
    expect(statSync(at("secret")).mode & 0o777).toBe(0o600);
    symlinkSync(at("precious"), at("log"));
    expect(() => appendWhole(at("log"), new Uint8Array(1), { flush: false, written: RUN_LOG })).toThrow(
      `${at("log")}: cannot be written: it is a link; remove it; mend that and continue with --resume`,
    );
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
  },
);

test("folders that were made for a file that is given up go with it", async () => {
  const whole = await WholeFile.open(join(root, "deep", "er", "x"));
  await whole.append(new Uint8Array(3));
  await whole.discard();
  expect(existsSync(at("deep"))).toBe(false);
});

test("any error of the system is one line; a fault of the program stays what it is", async () => {
  const system = Object.assign(new Error("EOTHER: something"), { code: "EOTHER", syscall: "write" });
  await expect(explainWrites("x", () => Promise.reject(system))).rejects.toThrow(
    "x: cannot be written: EOTHER: something; choose another name",
  );
  const fault = new TypeError("undefined is not a function");
  await expect(explainWrites("x", () => Promise.reject(fault))).rejects.toBe(fault);
});
