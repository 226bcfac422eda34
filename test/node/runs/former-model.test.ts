/** @file Models as the first format described them, without a number: they still load, and say the same. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModel } from "../../../src/node/runs/model.ts";
import { resumeRules } from "../../../src/node/runs/resume-rules.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { currentDescription, FORMAT } from "../../../src/run/former-model.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { patternImage } from "../../../src/testing/index.ts";
import { toyRequest } from "../../support/toy-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-former-"));
afterAll(() => rmSync(root, { recursive: true }));

const images = {
  images: new Uint8Array(
    Buffer.concat(
      [0, 1].map((label) => Buffer.from(patternImage({ label, domain: 0, number: 9, use: "x" }))),
    ),
  ),
  count: 2,
};
const FORMER = { driftCompensation: true, driftRidge: 1, shrinkage: 0.1, betweenScatter: true };

/** With all that there was in the first format. */
const request = async () => ({
  ...(await toyRequest(root)),
  heads: ["lda", "rows"],
  features: "cls" as const,
  epochs: 1,
  firstEpochs: 1,
});

beforeAll(async () => {
  await runBenchmark({ ...(await request()), out: join(root, "run") });
});

/** The run's model as an earlier version would have written it. */
function written(name: string, changes: object): string {
  const file = join(root, "run", "model", "model.safetensors");
  const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
  const { format, heads, drift, headOptions, ...former } = JSON.parse(metadata["fm-lora"]!);
  expect([format, heads, drift]).toEqual([FORMAT, ["lda", "rows"], "ridge"]);
  const description = {
    ...former,
    methodOptions: { ...former.methodOptions, ...FORMER, pure: false },
    ...changes,
  };
  mkdirSync(join(root, name));
  const bytes = encodeSafetensors(tensors, { "fm-lora": JSON.stringify(description) });
  writeFileSync(join(root, name, "model.safetensors"), bytes);
  return join(root, name);
}

test("a model of the first format classifies as before, with either head, under its former name, too", async () => {
  const former = written("former", {});
  for (const [head, again] of [
    ["lda", "lda"],
    ["rows", "head"],
  ] as const) {
    const [now, then] = [
      await openModel(join(root, "run"), { head, threads: 1 }),
      await openModel(former, { head: again, threads: 1 }),
    ];
    expect(then.heads).toEqual(["lda", "rows"]);
    expect(await then.classify(images)).toEqual(await now.classify(images));
    for (const model of [now, then]) await model.dispose();
  }
});

test("a format from the future is refused by its number", async () => {
  await expect(openModel(written("future", { format: 99 }))).rejects.toThrow(
    `a model of format 99, this program reads ${FORMAT}`,
  );
});

test("fm-lora's training is what it was where a model does not say", () => {
  const of = (method: string, methodOptions: object) =>
    currentDescription({ format: 2, method, methodOptions }).methodOptions;
  expect(of("fm-lora", { rank: 8, rows: "cosine" })).toEqual({
    rank: 8,
    rows: "cosine",
    rowStart: "zero",
    distillation: 0,
  });
  expect(of("seq-lora", { rank: 8 })).toEqual({ rank: 8 });
  const today = { format: FORMAT, method: "fm-lora", methodOptions: { rank: 8 } };
  expect(currentDescription(today)).toBe(today);
});

test("a drift map is fitted on a task's own images where a model does not say", () => {
  const of = (headOptions: object, format: number) =>
    currentDescription({ format, method: "seq-lora", methodOptions: {}, headOptions }).headOptions;
  expect(of({ driftRidge: 2 }, 2)).toEqual({ driftRidge: 2, driftViews: 0 });
  expect(of({ driftRidge: 2, driftViews: 3 }, 2)).toEqual({ driftRidge: 2, driftViews: 3 });
  expect(of({ shrinkage: 0.1 }, 2)).toEqual({ shrinkage: 0.1 });
  expect(of({ driftRidge: 2 }, FORMAT)).toEqual({ driftRidge: 2 });
});

test("a run of format 2 can be resumed: what it left unsaid is compared", () => {
  const before = {
    format: 2,
    method: "sd-lora",
    drift: "ridge",
    methodOptions: {},
    headOptions: { driftRidge: 1 },
  };
  expect(resumeRules.current!(before)).toEqual({
    ...before,
    format: FORMAT,
    headOptions: { driftRidge: 1, driftViews: 0 },
  });
  const first = { method: "sd-lora", methodOptions: {} };
  expect(resumeRules.current!(first)).toBe(first);
  expect(resumeRules.mayChange("format", undefined, FORMAT)).toBe(false);
});

test("a run of format 2 that had no views does not go on with some", async () => {
  cpSync(join(root, "run"), join(root, "second"), { recursive: true });
  const file = join(root, "second", "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  expect(config.headOptions).not.toHaveProperty("driftViews");
  writeFileSync(file, JSON.stringify({ ...config, format: 2 }));
  const again = { ...(await request()), out: join(root, "second"), resume: true };
  await expect(runBenchmark(again)).rejects.toThrow(
    "the run there has headOptions.driftViews 0, now it is undefined; resume with the same options",
  );
  await runBenchmark({ ...again, headOptions: { driftViews: 0 } });
});

test("what was an option of the method goes where it belongs", () => {
  const of = (method: string, methodOptions: object) => currentDescription({ method, methodOptions });
  expect(of("fm-lora", { rank: 8, ...FORMER, shrinkage: 0.3, pure: false })).toEqual({
    method: "fm-lora",
    format: FORMAT,
    methodOptions: { rank: 8, rows: "linear", rowStart: "zero", distillation: 0 },
    heads: ["lda", "rows"],
    drift: "ridge",
    headOptions: { shrinkage: 0.3, betweenScatter: true, driftRidge: 1, driftViews: 0 },
  });
  expect(of("fm-lora", { ...FORMER, pure: true })).toMatchObject({ heads: ["rows"], headOptions: {} });
  expect(of("seq-lora", { ...FORMER, driftCompensation: false })).toMatchObject({
    drift: "none",
    headOptions: { shrinkage: 0.1, betweenScatter: true },
  });
  expect(of("lda", { shrinkage: 0.2, betweenScatter: false })).toMatchObject({
    methodOptions: {},
    drift: "none",
    headOptions: { shrinkage: 0.2, betweenScatter: false },
  });
});
