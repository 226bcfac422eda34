/** @file Where onnxruntime-node has no binary: WebAssembly in its place, or one line that says what to do. */
import { createRequire } from "node:module";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { loadOnnxRuntime, onnxRuntime } from "../../../src/node/runtime/onnx-runtime.ts";
import { runtimeOf } from "../../../src/node/runtime/runtime.ts";
import { runtimeChecks } from "../../../src/testing/index.ts";

const require = createRequire(import.meta.url);
const HERE = `${process.platform}-${process.arch}`;

/** Finds packages, but for those that fail as they are told to. */
const without =
  (failures: Readonly<Record<string, Error>>) =>
  (name: string): unknown => {
    if (failures[name] !== undefined) throw failures[name];
    return require(name);
  };
const absent = (name: string): Error =>
  Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- somewhere`), {
    code: "MODULE_NOT_FOUND",
  });
const NO_BINARY = Object.assign(
  new Error("Cannot find module '../bin/napi-v6/darwin/x64/binding.node'\nstack"),
  {
    code: "MODULE_NOT_FOUND",
  },
);

const warnings = vi.fn();
beforeEach(() => void vi.spyOn(process, "emitWarning").mockImplementation(warnings));
afterEach(() => {
  vi.restoreAllMocks();
  warnings.mockReset();
});

test("the native package is taken where it loads, and nothing is said", () => {
  expect(loadOnnxRuntime(require)).toMatchObject({
    name: expect.stringMatching(/^onnxruntime-node \d/),
    provider: "cpu",
  });
  expect(onnxRuntime()).toBe(onnxRuntime());
  expect(warnings).not.toHaveBeenCalled();
});

test("without either, one line has both reasons and what to do", () => {
  const load = without({
    "onnxruntime-node": absent("onnxruntime-node"),
    "onnxruntime-web": absent("onnxruntime-web"),
  });
  expect(() => loadOnnxRuntime(load)).toThrow(
    `onnxruntime-node can't be loaded on ${HERE} (not installed), nor onnxruntime-web in its place (not installed); if its install script failed, run ONNXRUNTIME_NODE_INSTALL=skip npm install; where it has no binary, npm install onnxruntime-web, which is slower`,
  );
});

describe("onnxruntime-web in place of a native package without a binary", () => {
  const found = () => loadOnnxRuntime(without({ "onnxruntime-node": NO_BINARY }));

  test("is announced, with the reason", () => {
    expect(found()).toMatchObject({
      name: expect.stringMatching(/^onnxruntime-web \d/),
      provider: "wasm",
    });
    expect(warnings).toHaveBeenCalledExactlyOnceWith(
      `onnxruntime-node can't be loaded on ${HERE} (Cannot find module '../bin/napi-v6/darwin/x64/binding.node'); onnxruntime-web computes in its place, slower`,
    );
  });

  for (const { name, run } of runtimeChecks({
    name: "onnxruntime-web",
    threads: 1,
    compile: (graph) => runtimeOf(found(), { threads: 1 }).compile(graph),
  }))
    test(name, run);
});
