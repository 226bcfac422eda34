/** @file What a run measures beside itself: the untrained backbone on the same stream, and which classes are confused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openModel } from "../../../src/node/runs/model.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { toyRequest } from "../../support/toy-folder.ts";

const place = mkdtempSync(join(tmpdir(), "fm-lora-baseline-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("the baseline is what lda gives on the same stream; it leaves the run and its log as they are", async () => {
  const request = { ...(await toyRequest(place)), tasks: 2, epochs: 1 };
  const at = (name: string): string => join(place, name);
  const events = (name: string): unknown[] =>
    readFileSync(join(at(name), "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type);
  const frozen = await runBenchmark({ ...request, method: "lda", methodOptions: {}, out: at("lda") });
  const beside = await runBenchmark({ ...request, out: at("with") });
  const alone = await runBenchmark({ ...request, baseline: false, out: at("without") });

  expect(beside.baseline).toEqual({ method: "lda", lastAccuracy: frozen.lastAccuracy });
  expect([frozen.baseline, alone.baseline]).toEqual([undefined, undefined]);
  expect(beside.readouts).toEqual(alone.readouts);
  expect(events("with")).toEqual(events("without"));
  expect(JSON.parse(readFileSync(join(at("with"), "config.json"), "utf8"))).not.toHaveProperty("baseline");

  expect(beside.classNames).toHaveLength(6);
  const images = beside.confusions!.reduce((sum, [, , each]) => sum + each, 0);
  const right = beside.confusions!.reduce(
    (sum, [label, answer, each]) => sum + (label === answer ? each : 0),
    0,
  );
  expect(images).toBe(6 * 3);
  expect(right / images).toBeCloseTo(beside.lastAccuracy!, 12);
}, 240_000);

test("class names changed in model.json are told to have no effect, and have none", async () => {
  const folder = join(place, "lda");
  const copy = join(folder, "model", "model.json");
  const noticesOf = async (): Promise<readonly string[]> => {
    const model = await openModel(folder);
    await model.dispose();
    expect(model.classNames).not.toContain("renamed");
    return model.notices;
  };
  expect(await noticesOf()).toEqual([]);
  const description = JSON.parse(readFileSync(copy, "utf8"));
  description.classNames[0] = "renamed";
  writeFileSync(copy, JSON.stringify(description));
  expect(await noticesOf()).toEqual([
    `${copy}: has other class names than the model, which has its own; fmlora rename-class changes them`,
  ]);
}, 120_000);
