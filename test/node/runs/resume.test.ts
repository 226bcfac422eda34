/** @file A run that is killed or stopped anywhere and resumed is the run that was never stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { toyRequest } from "../../support/toy-folder.ts";
import { type RunFolder, readRun } from "./run-folder.ts";

const CHILD = fileURLToPath(new URL("run-child.ts", import.meta.url));
let root: string;
let request: Omit<RunRequest, "out" | "resume">;
let uninterrupted: RunFolder;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-resume-"));
  request = await toyRequest(root);
  await runBenchmark({ ...request, out: join(root, "whole"), resume: false });
  uninterrupted = readRun(join(root, "whole"));
}, 60_000);
afterAll(() => rmSync(root, { recursive: true }));

/** Kills the child when its moment has come. */
type Killer = (child: ChildProcess, out: string) => void;

/** After so many lines of output, and a little later. */
const afterLines =
  (lines: number, delay: number, signal: NodeJS.Signals = "SIGKILL"): Killer =>
  (child) => {
    let seen = 0;
    createInterface({ input: child.stdout! }).on("line", () => {
      if (++seen === lines) setTimeout(() => child.kill(signal), delay);
    });
  };

/** As soon as a file whose name starts so is being written, for the n-th time. */
const whileWriting =
  (folder: string, name: string, times: number): Killer =>
  (child, out) => {
    let seen = 0;
    mkdirSync(join(out, folder), { recursive: true });
    const watcher = watch(join(out, folder), (_, file) => {
      if (file?.startsWith(name) === true && ++seen === times) child.kill("SIGKILL");
    });
    child.once("exit", () => watcher.close());
  };

/** Runs or resumes in a process of its own. */
async function runChild(
  out: string,
  resume: boolean,
  kill: Killer = () => {},
  wanted = request,
): Promise<{ signal: string | null; events: RunEvent[] }> {
  const file = join(root, "request.json");
  writeFileSync(file, JSON.stringify({ ...wanted, out }));
  const args = ["--import", "tsx", CHILD, file, ...(resume ? ["resume"] : [])];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  kill(child, out);
  const signal = await new Promise<string | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, by) => {
      if (by === null && code !== 0) reject(new Error(`the child ended with code ${code}: ${errors}`));
      else resolve(by);
    });
  });
  const whole = output.slice(0, output.lastIndexOf("\n") + 1).split("\n");
  return { signal, events: whole.filter((line) => line !== "").map((line) => JSON.parse(line) as RunEvent) };
}

test("killed at random moments and while files are written, a run still ends as if nothing had happened", async () => {
  const out = join(root, "killed");
  const rng = Rng.at("kills", 1);
  const plan: Killer[] = [
    afterLines(1 + rng.below(5), rng.below(20)), // before the first checkpoint
    whileWriting(".", "checkpoint.safetensors", 3 + rng.below(4)),
    afterLines(3 + rng.below(8), rng.below(20)),
    whileWriting("model", "model.safetensors", 1),
    afterLines(2 + rng.below(8), rng.below(20), "SIGINT"),
    whileWriting("model", "model.json", 1),
  ];
  const stops: (readonly [number, number])[] = [];
  let kills = 0;
  for (const [i, kill] of plan.entries()) {
    const { signal, events } = await runChild(out, i > 0, kill);
    if (signal === null) break; // a machine so busy that the run was faster than its killer
    kills++;
    const resumed = events.find((event) => event.type === "resume");
    if (resumed !== undefined) stops.push([resumed.task, resumed.epoch]);
    expect(existsSync(join(out, "metrics.json"))).toBe(false);
  }
  expect(kills).toBeGreaterThanOrEqual(4);
  // What a kill in the middle of a write leaves behind.
  appendFileSync(join(out, "events.jsonl"), '{"time":"2026-01-01T00:00:00.000Z","type":"st');
  writeFileSync(join(out, "checkpoint.safetensors.123456789"), "half");
  const { signal, events } = await runChild(out, true);
  expect(signal).toBeNull();
  expect(events.at(-1)!.type).toBe("run-end");
  const positions = stops.map(([task, epoch]) => 100 * task + epoch);
  expect(positions).toEqual([...positions].sort((a, b) => a - b)); // nothing is lost twice
  expect(new Set(positions).size).toBeGreaterThanOrEqual(2);
  expect(stops.some(([, epoch]) => epoch > 0)).toBe(true); // in the middle of a task
  expectSame(readRun(out));
}, 240_000);

test.each([
  ["two threads", { threads: 2 }],
  ["seq-lora", { method: "seq-lora" }],
  ["int8", { precision: "int8" }],
] as const)(
  "with %s, too, a killed run ends as one that was not",
  async (name, change) => {
    const wanted = { ...request, tasks: 2, epochs: 1, firstEpochs: 2, ...change };
    await runBenchmark({ ...wanted, out: join(root, `whole ${name}`), resume: false });
    const out = join(root, `killed ${name}`);
    const killed = await runChild(out, false, whileWriting(".", "checkpoint.safetensors", 2), wanted);
    expect(killed.signal).toBe("SIGKILL");
    await runBenchmark({ ...wanted, out, resume: true });
    expectSame(readRun(out), readRun(join(root, `whole ${name}`)));
  },
  120_000,
);

test.each([
  ["between two steps of the first task", 3],
  ["in the middle of a later task", 34],
  ["while class statistics are collected", 47],
])("stopped by its signal %s, a run can be resumed", async (_, stopAt) => {
  const out = join(root, `stopped ${stopAt}`);
  const controller = new AbortController();
  let seen = 0;
  const listen = (): void => {
    if (++seen === stopAt) controller.abort();
  };
  const stopped = runBenchmark({ ...request, out, listen, signal: controller.signal });
  await expect(stopped).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  expect(seen).toBeLessThanOrEqual(stopAt + 2);
  await runBenchmark({ ...request, out, resume: true });
  expectSame(readRun(out));
});

test("resuming a finished run changes nothing", async () => {
  const out = join(root, "whole");
  await runBenchmark({ ...request, out, resume: true });
  expectSame(readRun(out));
});

test("another configuration is refused, and its option is named", async () => {
  const out = join(root, "whole");
  const again = (changes: Partial<RunRequest>) => runBenchmark({ ...request, ...changes, out, resume: true });
  await expect(again({ seed: 6 })).rejects.toThrow(/the run there has seed 5, now it is 6/);
  await expect(again({ epochs: 5 })).rejects.toThrow(/epochs 4, now it is 5/);
  await expect(again({ tasks: 2 })).rejects.toThrow(/tasks 3, now it is 2/);
  await expect(again({ method: "seq-lora" })).rejects.toThrow(/method "fm-lora", now it is "seq-lora"/);
  await expect(again({ methodOptions: { rank: 4 } })).rejects.toThrow(/methodOptions\.rank 8, now it is 4/);
  expectSame(readRun(out)); // nothing was touched
});

test("without --resume a folder with a run is left alone", async () => {
  const out = join(root, "whole");
  await expect(runBenchmark({ ...request, out, resume: false })).rejects.toThrow(/already there.*--resume/);
  expectSame(readRun(out));
});

function expectSame({ model, metrics, events }: RunFolder, whole = uninterrupted): void {
  expect(metrics).toEqual(whole.metrics);
  expect(events).toEqual(whole.events);
  expect(Object.keys(model)).toEqual(["model.json", "model.safetensors"]);
  for (const [name, bytes] of Object.entries(model)) expect(bytes === whole.model[name], name).toBe(true);
}
