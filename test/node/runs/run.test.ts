/** @file The run's rarer ways: all tasks at once, corrupt images, held-out evaluation, damaged folders. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { toyRequest } from "../../support/toy-folder.ts";
import { readRun } from "./run-folder.ts";

let root: string;
let request: Omit<RunRequest, "out" | "resume">;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-run-"));
  const toy = await toyRequest(root);
  request = { ...toy, epochs: 1 };
});
afterAll(() => rmSync(root, { recursive: true }));

/** Starts (or resumes) a run; `stopAt` aborts it at that event. */
async function run(name: string, changes: Partial<RunRequest>, stopAt = Number.POSITIVE_INFINITY) {
  const events: RunEvent[] = [];
  const controller = new AbortController();
  const listen = (event: RunEvent): void => {
    if (events.push(event) === stopAt) controller.abort();
  };
  const surroundings = { listen, signal: controller.signal };
  const full = { ...request, out: join(root, name), resume: false, ...surroundings, ...changes };
  const metrics = await runBenchmark(full).catch((error: Error) => error);
  return { metrics, events };
}

test("joint training is one task and gives a 1 x 1 matrix", async () => {
  const { metrics, events } = await run("joint", { method: "joint" });
  if (metrics instanceof Error) throw metrics;
  expect(metrics.accuracyMatrix.map((row) => row.length)).toEqual([1]);
  expect(metrics.testImages).toEqual([18]);
  expect(metrics.taskNames).toEqual(["all tasks at once"]);
  expect([metrics.forgetting, metrics.backwardTransfer]).toEqual([0, 0]);
  expect(metrics.lastAccuracy).toBe(metrics.accuracyMatrix[0]![0]);
  expect(events.filter(({ type }) => type === "task-start").length).toBe(1);
});

test("validation images are held out of training and stand in for test images", async () => {
  const options = { validationPerClass: 2, evaluateOn: "validation" } as const;
  const { metrics, events } = await run("validation", { method: "ncm", methodOptions: {}, ...options });
  if (metrics instanceof Error) throw metrics;
  expect(metrics.testImages).toEqual([4, 4, 4]);
  expect(events.flatMap((event) => (event.type === "task-start" ? [event.trainImages] : []))).toEqual([
    12, 12, 12,
  ]);
});

test("a corrupt image stops the run in one line that names it, and is skipped on demand, resumed or not", async () => {
  const image = join(root, "images", "train", "class-1", "3.png");
  const sound = readFileSync(image);
  writeFileSync(image, sound.subarray(0, sound.length / 2));
  try {
    const { metrics: error } = await run("fail", {});
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(/^train\/class-1\/3\.png: can't be decoded [^\n]+$/);

    const options = { unreadable: "skip" } as const;
    const whole = await run("skip", options);
    if (whole.metrics instanceof Error) throw whole.metrics;
    const skipped = whole.events.filter((event) => event.type === "skipped-image");
    expect(new Set(skipped.map(({ id }) => id))).toEqual(new Set(["train/class-1/3.png"]));
    const counts = whole.events.flatMap((event) => (event.type === "step" ? [event.images] : []));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2 * 16 + 16 + 16 - skippedSteps(whole.events));

    for (const stopAt of [6, 14, 22, 30]) {
      const { metrics: stopped } = await run(`skip ${stopAt}`, options, stopAt);
      expect(stopped).toMatchObject({ name: "AbortError" });
      const { metrics: resumed } = await run(`skip ${stopAt}`, { ...options, resume: true });
      if (resumed instanceof Error) throw resumed;
      expect(withoutReasons(`skip ${stopAt}`)).toEqual(withoutReasons("skip"));
    }
  } finally {
    writeFileSync(image, sound);
  }
});

/** libvips words one fault differently from time to time. */
function withoutReasons(name: string): unknown {
  return JSON.parse(JSON.stringify(readRun(join(root, name))), (key, value) =>
    key === "reason" ? undefined : value,
  );
}

/** Epochs of the task with the corrupt image. */
function skippedSteps(events: readonly RunEvent[]): number {
  const task = events.find((event) => event.type === "task-start" && event.classNames.includes("class-1"))!;
  return task.type === "task-start" ? task.epochs : 0;
}

test("a task without a single readable image is refused in one line", async () => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
  const images = ["class-1", "class-4"].flatMap((name) =>
    numbers.map((number) => join(root, "images", "train", name, `${number}.png`)),
  );
  const sound = images.map((image) => readFileSync(image));
  const options = { unreadable: "skip", tasks: 6 } as const;
  for (const image of images) writeFileSync(image, "no image");
  try {
    for (const method of ["fm-lora", "ncm"]) {
      const { metrics } = await run(`nothing ${method}`, { method, methodOptions: {}, ...options });
      expect(metrics).toBeInstanceOf(InputError);
      expect((metrics as Error).message).toMatch(/^task \d: none of its 8 training images can be read$/);
    }
  } finally {
    for (const [i, image] of images.entries()) writeFileSync(image, sound[i]!);
  }
});

test("a damaged checkpoint stops a resume in one line that names the file", async () => {
  const { metrics } = await run("damaged", {}, 20);
  expect(metrics).toMatchObject({ name: "AbortError" });
  const file = join(root, "damaged", "checkpoint.safetensors");
  const bytes = readFileSync(file);
  const half = bytes.subarray(0, bytes.length / 2);
  const flipped = Buffer.from(bytes).fill(0, bytes.length - 4096);
  for (const damaged of [half, flipped, Buffer.alloc(0), Buffer.from("not a checkpoint")]) {
    writeFileSync(file, damaged);
    const { metrics: error } = await run("damaged", { resume: true });
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(/checkpoint\.safetensors: [^\n]+$/);
    expect((error as Error).message.split("\n").length).toBe(1);
  }
});
