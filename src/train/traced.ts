/** @file Parts of a run that tell a trace what they do; without a trace nobody wraps anything. */
import type { Optimization } from "../optim/index.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import type { Trace } from "./tracer.ts";

/** Every step of its optimizers is a span. */
export function tracedOptimization({ optimizer, schedule }: Optimization, trace: Trace): Optimization {
  return {
    schedule,
    optimizer: () => {
      const inner = optimizer();
      return {
        step: (parameters, gradients, factor) =>
          trace.measure("optimizer", () => inner.step(parameters, gradients, factor)),
        state: () => inner.state(),
        load: (state) => inner.load(state),
      };
    },
  };
}

/** Name of the spans in which a graph runs; graphs are numbered from 1 as they are compiled. */
export const graphSpan = (graph: number): string => `graph ${graph}`;

/**
 * Compiling is a span, and so is every run of a graph.
 * @param compile compiles a graph, which is the `graph`th
 */
export function tracedRuntime(
  { name, threads }: Pick<Runtime, "name" | "threads">,
  compile: (number: number, ...what: Parameters<Runtime["compile"]>) => Promise<Session>,
  trace: Trace,
): Runtime {
  let graphs = 0;
  return {
    name,
    threads,
    async compile(...what) {
      const number = ++graphs;
      const session = await trace.time("compile", () => compile(number, ...what));
      return {
        run: (inputs) => trace.time(graphSpan(number), () => session.run(inputs)),
        dispose: () => session.dispose(),
      };
    },
  };
}
