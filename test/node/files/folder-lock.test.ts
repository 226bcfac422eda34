/** @file Who may write a folder: one living process, and whoever comes after a dead one. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lockFolder } from "../../../src/node/files/folder-lock.ts";

let root: string;
let sleeper: ChildProcess;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-lock-"));
  sleeper = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await new Promise((resolve) => sleeper.once("spawn", resolve));
});
afterAll(() => {
  sleeper.kill("SIGKILL");
  rmSync(root, { recursive: true });
});

const lockOf = (folder: string): string => join(folder, ".lock");
/** A lock as another process leaves it. */
async function left(name: string, owner: object): Promise<string> {
  const folder = join(root, name);
  (await lockFolder(folder)).release();
  writeFileSync(lockOf(folder), JSON.stringify({ host: hostname(), ...owner }));
  return folder;
}

test("a locked folder is refused in one line, and free once it is unlocked", async () => {
  const folder = join(root, "a", "b");
  const lock = await lockFolder(folder);
  await expect(lockFolder(folder)).rejects.toThrow(
    `${folder}: process ${process.pid} on ${hostname()} is at work there; wait until it ends, or choose another --out`,
  );
  lock.release();
  expect(existsSync(lockOf(folder))).toBe(false);
  (await lockFolder(folder)).release();
});

test("of two that come at once, one gets it", async () => {
  const folder = join(root, "both");
  const tries = await Promise.allSettled([lockFolder(folder), lockFolder(folder), lockFolder(folder)]);
  expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("a living process's lock holds; a dead one's, and that of a number used again, does not", async () => {
  const lock = await lockFolder(join(root, "own"));
  const { birth } = JSON.parse(readFileSync(lockOf(join(root, "own")), "utf8")) as { birth: string | null };
  lock.release();
  const reused = await left("reused", { pid: sleeper.pid, birth: "1" });
  if (birth !== null) (await lockFolder(reused)).release();
  (await lockFolder(await left("earlier", { pid: process.pid, birth: "1" }))).release(); // our number, in another life
  const dead = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => dead.once("exit", resolve));
  (await lockFolder(await left("dead", { pid: dead.pid, birth: null }))).release();
  const empty = await left("empty", {});
  writeFileSync(lockOf(empty), "");
  (await lockFolder(empty)).release();
});

test("another machine's lock holds as long as it is refreshed", async () => {
  const folder = await left("far", { pid: 1, host: "elsewhere", birth: null });
  await expect(lockFolder(folder)).rejects.toThrow("process 1 on elsewhere is at work there");
  const before = new Date(Date.now() - 10 * 60_000);
  utimesSync(lockOf(folder), before, before);
  (await lockFolder(folder)).release();
});
