/** @file Locks in every odd state: somebody gets them at once, or is told in one line who has them. */
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test } from "vitest";
import { lockFolder } from "../../../src/node/files/folder-lock.ts";
import { refusalIn } from "../../support/refusal.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-odd-locks-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "run-"));
  file = join(folder, ".lock");
});

const CHILD = fileURLToPath(new URL("lock-child.ts", import.meta.url));
const LONG_AGO = new Date(0);
const FAR_AHEAD = new Date(Date.now() + 365 * 86_400_000);
const DEAD = 2 ** 22 + 1; // above Linux's largest number of a process

test.each([
  ["nothing", ""],
  ["null", "null"],
  ["an empty object", "{}"],
  ["a number", "5"],
  ["a list", "[1,2]"],
  ["half an object", '{"pid": 12, "ho'],
  ["a process of a wrong kind", '{"pid":"1","host":"x","birth":null}'],
  ["a process below zero", `{"pid":-1,"host":"${hostname()}","birth":null}`],
  ["something else", "\u0000\u0001 not JSON at all"],
  ["far too much", "x".repeat(100_000)],
])("a lock that holds %s is nobody's, whatever its date", async (_, text) => {
  for (const time of [LONG_AGO, FAR_AHEAD]) {
    writeFileSync(file, text);
    utimesSync(file, time, time);
    (await lockFolder(folder)).release();
  }
  expect(readdirSync(folder)).toEqual([]);
});

test("a lock of another machine with a date in the future holds nobody up", async () => {
  writeFileSync(file, JSON.stringify({ pid: 1, host: "elsewhere", birth: null }));
  utimesSync(file, FAR_AHEAD, FAR_AHEAD);
  (await lockFolder(folder)).release();
});

test.skipIf(process.platform === "win32")("folders, links and pipes in its place", async () => {
  mkdirSync(file); // as earlier versions locked
  (await lockFolder(folder)).release();
  writeFileSync(join(folder, "precious"), "precious");
  symlinkSync("precious", file);
  (await lockFolder(folder)).release();
  expect(readFileSync(join(folder, "precious"), "utf8")).toBe("precious");
  spawnSync("mkfifo", [file]);
  (await lockFolder(folder)).release();
  mkdirSync(join(file, "full"), { recursive: true });
  expect(await refusalIn(folder, lockFolder(folder))).toBe(
    "DIR/.lock: is a folder with something in it, in the place of a lock; remove it",
  );
});

test("a takeover that was killed in the middle, twice, is taken over itself", async () => {
  for (const name of [".lock", ".lock.taking", ".lock.taking.taking"]) {
    writeFileSync(join(folder, name), JSON.stringify({ pid: DEAD, host: hostname(), birth: "1" }));
  }
  const lock = await lockFolder(folder);
  expect(readdirSync(folder)).toEqual([".lock"]);
  lock.release();
});

/** A process that takes the lock when it is told to, and says what came of it. */
function contender() {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, file], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise((resolve) => child.once("close", resolve));
  return {
    said: async (): Promise<string> => (await lines.next()).value,
    go: () => child.stdin.write("go\n"),
    async end() {
      child.stdin.end();
      await ended;
    },
  };
}

test("of several processes that find a dead one's lock, one gets it, and gives it back when it ends", async () => {
  writeFileSync(file, JSON.stringify({ pid: DEAD, host: hostname(), birth: "1" }));
  const all = [contender(), contender(), contender(), contender()];
  expect(await Promise.all(all.map(({ said }) => said()))).toEqual(all.map(() => "ready"));
  for (const { go } of all) go();
  const said = await Promise.all(all.map((each) => each.said()));
  expect(said.sort()).toEqual(["refused", "refused", "refused", "taken"]);
  expect(readdirSync(folder)).toEqual([".lock"]);
  await Promise.all(all.map((each) => each.end()));
  expect(readdirSync(folder)).toEqual([]);
}, 60_000);

test("a lock that was removed is put back; what somebody wrote there instead goes", async () => {
  const lock = await lockFolder(folder);
  const text = readFileSync(file, "utf8");
  for (const damage of [() => rmSync(file), () => writeFileSync(file, "null")]) {
    damage();
    utimesSync(folder, LONG_AGO, LONG_AGO);
    if (existsSync(file)) utimesSync(file, LONG_AGO, LONG_AGO);
    lock.check();
    expect(readFileSync(file, "utf8")).toBe(text);
  }
  lock.release();
  expect(existsSync(file)).toBe(false);
});

test("a lock that another process has taken meanwhile is its own: the next write is refused", async () => {
  const lock = await lockFolder(folder);
  const theirs = JSON.stringify({ pid: 1, host: "elsewhere", birth: null });
  rmSync(file);
  writeFileSync(file, theirs);
  expect(() => lock.check()).toThrow(
    `${file}: was removed, and process 1 on elsewhere has taken its place; let one of the two end, and continue with --resume`,
  );
  lock.release();
  expect(readFileSync(file, "utf8")).toBe(theirs);
});

test("a folder that was moved away is told, and not made anew", async () => {
  const lock = await lockFolder(folder);
  renameSync(folder, `${folder}-moved`);
  expect(() => lock.check()).toThrow(
    `${folder}: the folder is gone, moved or removed while this process was at work there; put it back and continue with --resume`,
  );
  lock.release();
  expect(existsSync(folder)).toBe(false);
});
