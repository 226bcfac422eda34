/** @file The frozen weights are in memory once, however many graphs are compiled. */
import { expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { oneThread, runMethod } from "../support/run-method.ts";

test("all sessions of a run are fed the backbone's own arrays", async () => {
  /** By session: the arrays that it was fed, by name. */
  const fed: Map<string, unknown>[] = [];
  const runtime: Runtime = {
    ...oneThread,
    async compile(graph) {
      const session = await oneThread.compile(graph);
      const own = new Map<string, unknown>();
      fed.push(own);
      return {
        dispose: () => session.dispose(),
        run(inputs) {
          for (const [name, { data }] of Object.entries(inputs)) own.set(name.replace("backbone/", ""), data);
          return session.run(inputs);
        },
      };
    },
  };
  const stream = classIncremental(patternDataset({ classes: 4, trainPerClass: 6, testPerClass: 2 }), {
    tasks: 2,
    orderSeed: null,
  });
  const { context } = await runMethod("fm-lora", stream, { runtime, epochs: 1 });
  const { weights } = context.backbone;
  const untouched = Object.keys(weights).filter((name) => !/\.(query|value)\.weight$/.test(name));
  const shared = untouched.filter((name) => fed.filter((own) => own.has(name)).length >= 2);
  expect(fed.length).toBeGreaterThanOrEqual(2);
  expect(shared.length).toBeGreaterThan(untouched.length / 2);
  for (const name of shared) {
    for (const own of fed) if (own.has(name)) expect(own.get(name) === weights[name]!.data, name).toBe(true);
  }
});
