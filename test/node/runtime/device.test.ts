/** @file Other devices than the processor: WebGPU computed by Chromium's SwiftShader, and what is said where one is missing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { requirePrecision, requireProvider } from "../../../src/node/runtime/devices.ts";
import type { OnnxRuntime } from "../../../src/node/runtime/onnx-runtime.ts";
import { nodeRuntime, workingRuntime } from "../../../src/node/runtime/runtime.ts";
import { missing } from "../../support/services.ts";
import { difference } from "../../support/step-on.ts";

const CHILD = fileURLToPath(new URL("device-child.ts", import.meta.url));
/** Debian's Chromium brings a Vulkan driver that computes on the processor, and a loader. */
const CHROMIUM = "/usr/lib/chromium";
const DRIVER = join(CHROMIUM, "vk_swiftshader_icd.json");

const nothing = missing("SwiftShader", existsSync(DRIVER) ? DRIVER : undefined, ".ci/services");
const folder = mkdtempSync(join(tmpdir(), "fm-lora-device-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly name: string;
  readonly step: Readonly<Record<string, number[]>>;
  readonly losses: number[];
}

/** What a process on that device tells. */
function computed(device: string, driver: NodeJS.ProcessEnv = {}): Told {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, ...driver };
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", "tsx", CHILD, device], {
    env,
    encoding: "utf8",
  });
  expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout) as Told;
}

describe.skipIf(nothing)("onnxruntime-node by WebGPU", () => {
  test("keeps a runtime's rules, and has the gradients and losses of the processor", () => {
    const there = computed("webgpu", { LD_LIBRARY_PATH: CHROMIUM, VK_ICD_FILENAMES: DRIVER });
    const here = computed("cpu");
    expect(there.name).toBe(`${here.name}, webgpu`);
    expect(Object.keys(there.step)).toEqual(Object.keys(here.step));
    for (const [name, value] of Object.entries(here.step)) {
      expect(difference(there.step[name]!, value), name).toBeLessThan(2e-5);
    }
    expect(here.losses.length).toBeGreaterThan(1);
    expect(difference(there.losses, here.losses)).toBeLessThan(1e-4);
  }, 240_000);
});

test("a device that this machine lacks is refused in one line that says what it needs", async () => {
  await expect(workingRuntime({ threads: 1, device: "cuda" })).rejects.toThrow(
    /^`device: "cuda"`: .*(can't be used here|has cpu).*ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild/,
  );
});

test("a device that this ONNX Runtime has no provider for is refused before anything is compiled", () => {
  const onnxruntime = { listSupportedBackends: () => [{ name: "cpu" }, { name: "webgpu" }] };
  const found = { onnxruntime: onnxruntime as unknown as OnnxRuntime, name: "onnxruntime-node 9" };
  expect(() => requireProvider({ ...found, provider: "cpu" }, "dml")).toThrow(
    `onnxruntime-node 9 on ${process.platform}-${process.arch} has cpu, webgpu; it needs Windows`,
  );
  expect(() => requireProvider({ ...found, provider: "cpu" }, "webgpu")).not.toThrow();
  expect(() => requireProvider({ ...found, provider: "wasm" }, "webgpu")).toThrow("has cpu; it needs");
  expect(nodeRuntime({ threads: 1, device: "cpu" }).name).toBe(nodeRuntime({ threads: 1 }).name);
});

test("products in 8 bits stay on the processor", () => {
  expect(() => requirePrecision("webgpu", "int8")).toThrow("computes in float32");
  expect(() => requirePrecision("webgpu", "float32")).not.toThrow();
  expect(() => requirePrecision("cpu", "int8")).not.toThrow();
});
