/** @file What every runtime must do: the public conformance suite, on Node's. */
import { describe, expect, test } from "vitest";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { checkRuntime, runtimeChecks } from "../../src/testing/index.ts";

const runtime = nodeRuntime({ threads: 1 });

describe("onnxruntime-node", () => {
  for (const { name, run } of runtimeChecks(runtime)) test(name, run);
});

test("the suite finds a runtime that rounds, and one that takes anything", async () => {
  const wrong = {
    ...runtime,
    async compile(graph: Parameters<typeof runtime.compile>[0]) {
      const session = await runtime.compile(graph);
      return {
        dispose: () => session.dispose(),
        async run(inputs: Parameters<typeof session.run>[0]) {
          const results = await session.run(inputs).catch(() => ({}));
          return Object.fromEntries(
            Object.entries(results).map(([name, value]) => [
              name,
              { ...value, data: (value.data as Float32Array).map(Math.round) },
            ]),
          );
        },
      };
    },
  };
  await expect(checkRuntime(wrong)).rejects.toThrow(
    /multiplies as arithmetic does[\s\S]*a missing input is taken/,
  );
});
