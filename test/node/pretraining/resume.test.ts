import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { lockFolder } from "../../../src/node/files/folder-lock.ts";
import {
  type PretrainingMetrics,
  type PretrainingRequest,
  runPretraining,
} from "../../../src/node/pretraining/pretrain.ts";
import type { PretrainingEvent } from "../../../src/pretraining/events.ts";
import { readRun } from "../runs/run-folder.ts";
import { toyPretraining } from "./toy.ts";

const CHILD = fileURLToPath(new URL("pretrain-child.ts", import.meta.url));
let root: string;
let request: Omit<PretrainingRequest, "out" | "resume">;
let first: PretrainingMetrics;
const at = (...path: string[]): string => join(root, ...path);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-pretraining-"));
  request = await toyPretraining(root);
  first = await runPretraining({ ...request, out: at("whole"), resume: false });
});
afterAll(() => rmSync(root, { recursive: true }));

/** Runs in a process of its own that is killed when `moment` comes. */
async function killed(
  out: string,
  resume: boolean,
  moment: (event: PretrainingEvent) => boolean,
): Promise<void> {
  writeFileSync(at("request.json"), JSON.stringify({ ...request, checkpointMinutes: 1e-6, out, resume }));
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, at("request.json")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<string | null>((resolve) => child.on("close", (_, signal) => resolve(signal)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (moment(JSON.parse(line) as PretrainingEvent)) child.kill("SIGKILL");
  });
  expect(await ended).toBe("SIGKILL");
}

const checkpoint = (out: string): Buffer => readFileSync(join(out, "checkpoint.safetensors"));

test("killed while it decodes and while it trains, it ends with the bytes of an uninterrupted training", async () => {
  const out = at("killed");
  await killed(out, false, ({ type }) => type === "phase");
  await killed(out, true, (event) => event.type === "step" && event.step === 10);
  const told: PretrainingEvent[] = [];
  await runPretraining({ ...request, out, resume: true }, (event) => told.push(event));
  const resumed = told.find((event) => event.type === "resume");
  expect(resumed?.step).toBeGreaterThan(0);
  const { model, metrics } = readRun(out);
  const whole = readRun(at("whole"));
  expect(model).toEqual(whole.model);
  expect(metrics).toEqual(whole.metrics);
  const ofEpochs = (events: readonly unknown[]) =>
    (events as PretrainingEvent[]).filter(({ type }) => type !== "step");
  expect(ofEpochs(readRun(out).events)).toEqual(ofEpochs(whole.events));
  // Everything but the seconds, which the header has: the parameters, the head and the optimizer's moments.
  const body = (file: Buffer): Buffer => file.subarray(8 + Number(file.readBigUInt64LE(0)));
  expect(body(checkpoint(out)).equals(body(checkpoint(at("whole"))))).toBe(true);
});

test("a time limit ends it cleanly, without a result; other options are refused, other epochs are not", async () => {
  const out = at("limited");
  const limited = await runPretraining({ ...request, out, resume: false, minutes: 1e-6 });
  expect(limited).toMatchObject({ finished: false, accuracy: null });
  expect(existsSync(join(out, "model"))).toBe(false);
  const other = { ...request, options: { ...request.options, rate: 1e-4 }, out, resume: true };
  await expect(runPretraining(other)).rejects.toThrow("has rate 0.003, now it is 0.0001");
  const longer = { ...request, options: { ...request.options, epochs: 1 }, out, resume: true };
  const { finished, curve } = await runPretraining(longer);
  expect({ finished, epochs: curve.map(({ epoch }) => epoch) }).toEqual({ finished: true, epochs: [1] });
  const shorter = { ...longer, options: { ...longer.options, epochs: 1 }, out: at("whole") };
  await expect(runPretraining(shorter)).rejects.toThrow("`epochs: 1`: the training has done 18 steps");
});

test("it learns: more than the teacher's selected weights know, and a further training starts from its head", async () => {
  expect(first.curve.map(({ epoch, step }) => [epoch, step])).toEqual([
    [1, 6],
    [2, 12],
    [3, 18],
  ]);
  expect(first.curve[2]!.crossEntropy).toBeLessThan(first.curve[0]!.crossEntropy);
  const { accuracy, averagedAccuracy } = first.curve[2]!;
  expect(averagedAccuracy).toBeGreaterThan(0.25); // chance
  expect(first.accuracy).toBe(Math.max(accuracy, averagedAccuracy!));
  const { teacher, data, batch, microBatch } = request.options;
  const options = { data, teacher, batch, microBatch, init: at("whole"), epochs: 6, rate: 1e-3 };
  const second = await runPretraining({ ...request, options, out: at("second"), resume: false });
  expect(second.curve[0]!.crossEntropy).toBeLessThan(first.curve[1]!.crossEntropy);
  expect(second.accuracy).toBeGreaterThan(0.6); // chance is 0.25
  expect(loadBackbone(at("second", "model")).config).toMatchObject({
    hiddenSize: 24,
    layers: 2,
    imageSize: 16,
  });
});

test("images and features are computed once: a second training finds them, one of other images is refused", async () => {
  const cache = at("whole", "cache");
  const events: PretrainingEvent[] = [];
  const again = { ...request, cache, options: { ...request.options, epochs: 1 }, resume: false };
  await runPretraining({ ...again, out: at("again") }, (event) => events.push(event));
  const phases = events.flatMap((event) => (event.type === "phase" ? [event.name] : []));
  expect([...new Set(phases)]).toEqual(["fitting the network to the teacher"]);
  const larger = { ...again.options, imageSize: 32, patch: 8 };
  await expect(runPretraining({ ...again, options: larger, out: at("larger") })).rejects.toThrow(
    /train-images\.bin: was made for size 16, now it is 32; choose another --cache/,
  );
  const lock = await lockFolder(cache);
  await expect(runPretraining({ ...again, out: at("meanwhile") })).rejects.toThrow(
    /cache: process \d+ on .+ is at work there; wait until it ends, or choose another --cache/,
  );
  lock.release();
});
