/** @file WebGPU in a real browser, computed by SwiftShader: right numbers, however slowly. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM } from "../support/browser.ts";
import { type LabSite, openLab } from "../support/lab.ts";
import { missing } from "../support/services.ts";
import { difference } from "../support/step-on.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const SOFTWARE = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
const TRAIN = 6;

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-webgpu-"));
let site: LabSite;
/** Some builds of Chromium have no adapter, not even one of software. */
let adapter = false;

beforeAll(async () => {
  if (nothing) return;
  await writeToyFolder(join(root, "images"), { classes: 2, train: TRAIN, test: 1 });
  const mounts = {
    "/images/": { folder: join(root, "images") },
    "/tiny/": { folder: writeTinyBackbone(join(root, "tiny")) },
  };
  site = await openLab(mounts, { flags: SOFTWARE });
  const { page } = await site.open();
  adapter = await page.evaluate<boolean>(
    "navigator.gpu?.requestAdapter().then((found) => found !== null) ?? false",
  );
  if (!adapter) console.log("SKIPPED: WebGPU. This Chromium has no adapter, not even SwiftShader's.");
}, 60_000);
afterAll(async () => {
  await site?.close();
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(nothing)("onnxruntime-web by WebGPU in Chromium", () => {
  test("keeps all rules of a runtime", async ({ skip }) => {
    if (!adapter) skip();
    const { call } = await site.open();
    expect(await call("runtime", 1, "webgpu")).toEqual({
      name: "onnxruntime-web 1.30.0, webgpu",
      threads: 1,
    });
  }, 120_000);

  test("has the loss and the gradients of the processor", async ({ skip }) => {
    if (!adapter) skip();
    const { call } = await site.open();
    const ours = await call<Record<string, number[]>>("stepOn", "webgpu");
    const expected = await call<Record<string, number[]>>("stepOn", "wasm");
    expect(Object.keys(ours)).toEqual(Object.keys(expected));
    for (const [name, value] of Object.entries(expected)) {
      expect(difference(ours[name]!, value), name).toBeLessThan(2e-5);
    }
  }, 120_000);

  test("learns with the losses of the processor", async ({ skip }) => {
    if (!adapter) skip();
    const classes = Object.fromEntries(
      [0, 1].map((label) => [
        `class-${label}`,
        Array.from({ length: TRAIN }, (_, i) => `/images/train/class-${label}/${i}.png`),
      ]),
    );
    const losses: number[][] = [];
    const options = { rank: 4, rowStart: "zero" }; // rows from class means have no loss left on images as easy as these
    for (const device of ["webgpu", "wasm"]) {
      const { call, page } = await site.open();
      await call("create", { backbone: "/tiny", options, seed: 3, device });
      const learned = await call<{ losses: number[] }>("learn", classes, { train: "always", epochs: 2 });
      losses.push(learned.losses);
      await page.close();
    }
    expect(losses[0]!.length).toBeGreaterThan(1);
    expect(difference(losses[0]!, losses[1]!)).toBeLessThan(1e-4);
  }, 240_000);

  test("says in one line that there is none", async () => {
    const plain = await openLab({ "/tiny/": { folder: join(root, "tiny") } });
    const { call } = await plain.open();
    const failed = call("stepOn", "webgpu").then(
      () => "done",
      (error: Error) => error.message,
    );
    expect(await failed).toContain("this browser has no graphics processor for pages; leave it out");
    await plain.close();
  }, 60_000);
});
