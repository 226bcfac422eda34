/** @file What every method must do: the public conformance suite, with a floor for each. */
import { describe, expect, test } from "vitest";
import { METHODS } from "../../src/methods/index.ts";
import { methodChecks } from "../../src/testing/index.ts";
import { oneThread } from "../support/run-method.ts";

/** Last accuracy that each method's own head must reach; chance is 0.125. */
const FLOORS: Readonly<Record<string, number>> = {
  "fm-lora": 0.9,
  "seq-lora": 0.35, // forgets, as it should
  "first-task": 0.7,
  ncm: 0.75,
  lda: 0.9,
  joint: 0.7,
  "linear-probe": 0.42,
  l2p: 0.35,
  dualprompt: 0.35,
  "coda-prompt": 0.35,
  inflora: 0.42,
  "sd-lora": 0.42,
  "ewc-lora": 0.42,
  "e2-lora": 0.7,
  loda: 0.25, // its rows start small, and there are few steps
  ease: 0.85,
  "cl-lora": 0.75,
  tuna: 0.5,
  ssiat: 0.7,
  sldc: 0.7,
  slca: 0.42,
  "fine-tuning": 0.45,
};

test("every method has a floor", () => {
  expect(Object.keys(FLOORS).sort()).toEqual(METHODS.map(({ name }) => name).sort());
});

describe.each(METHODS.map((method) => [method.name, method] as const))("%s", (name, method) => {
  for (const { name: sentence, run } of methodChecks(method, { runtime: oneThread, floor: FLOORS[name]! })) {
    test(sentence, run);
  }
});
