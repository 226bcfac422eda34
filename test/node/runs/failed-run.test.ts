/** @file A run that failed over an image: its folder can be used again, and what it learned before is kept. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { toyRequest } from "../../support/toy-folder.ts";

let root: string;
let request: Omit<RunRequest, "out" | "resume">;
/** Classes in the order of their tasks. */
let order: string[];
const at = (...path: string[]): string => join(root, ...path);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-failed-"));
  request = { ...(await toyRequest(root)), method: "ncm", methodOptions: {} };
  const { events } = await run("whole", {});
  order = events.flatMap((event) => (event.type === "task-start" ? event.classNames : []));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Runs, and keeps what was told, also of a run that fails. */
async function run(
  out: string,
  options: object,
  resume = false,
): Promise<{ events: RunEvent[]; error: string | undefined }> {
  const events: RunEvent[] = [];
  const listen = (event: RunEvent): void => void events.push(event);
  const error = await runBenchmark({ ...request, ...options, out: at(out), resume, listen }).then(
    () => undefined,
    ({ message }: Error) => message,
  );
  return { events, error };
}

/** Puts a broken image in place of one, for as long as `work` takes. */
async function withBroken(className: string, work: () => Promise<void>): Promise<void> {
  const file = at("images", "train", className, "3.png");
  const bytes = readFileSync(file);
  writeFileSync(file, "no image");
  try {
    await work();
  } finally {
    writeFileSync(file, bytes);
  }
}

const metrics = (out: string): Record<string, unknown> =>
  JSON.parse(readFileSync(at(out, "metrics.json"), "utf8"));

test("before its first checkpoint, the folder is claimed anew with other options, with and without --resume", async () => {
  await withBroken(order[0]!, async () => {
    for (const resume of [false, true]) {
      const out = `early ${resume}`;
      expect((await run(out, {})).error).toMatch(/3\.png: .*expected a JPEG/);
      expect(existsSync(at(out, ".lock"))).toBe(false);
      const { events, error } = await run(out, { unreadable: "skip", seed: 6 }, resume);
      expect(error).toBeUndefined();
      expect(events.filter(({ type }) => type === "run-start")).toHaveLength(1);
      const logged = readFileSync(at(out, "events.jsonl"), "utf8");
      expect(logged.match(/"run-start"/g)).toHaveLength(1);
      expect(JSON.parse(readFileSync(at(out, "config.json"), "utf8"))).toMatchObject({
        unreadable: "skip",
        seed: 6,
      });
    }
  });
});

test("after it, fail becomes skip and ends as a run that skipped from the start; the other way is refused", async () => {
  await withBroken(order.at(-1)!, async () => {
    expect((await run("late", {})).error).toMatch(/3\.png: .*expected a JPEG/);
    expect((await run("late", { unreadable: "skip" })).error).toMatch(/a run is already there/);
    const { events, error } = await run("late", { unreadable: "skip" }, true);
    expect(error).toBeUndefined();
    expect(events[0]).toMatchObject({ type: "resume", task: 2 });
    expect((await run("skipping", { unreadable: "skip" })).error).toBeUndefined();
    expect(metrics("late").accuracyMatrix).toEqual(metrics("skipping").accuracyMatrix);
    expect((await run("late", { unreadable: "fail" }, true)).error).toMatch(
      /has unreadable "skip", now it is "fail"/,
    );
  });
});

test("a config.json of something else, and a finished run without its checkpoint, are left alone", async () => {
  mkdirSync(at("other"));
  writeFileSync(at("other", "config.json"), '{"model_type":"vit"}');
  expect((await run("other", {})).error).toMatch(/a run is already there/);
  expect(readFileSync(at("other", "config.json"), "utf8")).toBe('{"model_type":"vit"}');
  rmSync(at("whole", "checkpoint.safetensors"));
  expect((await run("whole", {})).error).toMatch(/a run is already there/);
});
