/** @file A runtime that remembers what it compiled and which features went through it. */
import type { Graph } from "../../src/graph/graph.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { float32Data } from "../../src/tensor/tensor.ts";

/** A runtime that works as `runtime` does, and what it saw. */
export interface Recording {
  readonly runtime: Runtime;
  readonly graphs: Graph[];
  /** Every output called "features", or "tokens" where first blocks were computed alone. [rows, width] each */
  readonly features: { readonly data: Float32Array; readonly width: number }[];
}

/** Wraps a runtime. */
export function recording(runtime: Runtime): Recording {
  const graphs: Graph[] = [];
  const features: Recording["features"] = [];
  return {
    graphs,
    features,
    runtime: {
      ...runtime,
      async compile(graph) {
        graphs.push(graph);
        const session = await runtime.compile(graph);
        return {
          dispose: () => session.dispose(),
          async run(inputs) {
            const results = await session.run(inputs);
            const seen = results.features ?? results.tokens;
            if (seen !== undefined)
              features.push({ data: float32Data(seen).slice(), width: seen.dims.at(-1)! });
            return results;
          },
        };
      },
    },
  };
}
