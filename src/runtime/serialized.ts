/** @file A runtime for one thing at a time. */
import type { Runtime } from "./runtime.ts";

/**
 * The same runtime, one thing after another in the order they were asked for: compiling, running and disposing. For a
 * runtime that can't do two at once, as onnxruntime-web. Inputs must stay as they are until their run is over.
 */
export function serialized(runtime: Runtime): Runtime {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    last = result.catch(() => {}); // whoever asked hears of it; the next one has its turn
    return result;
  };
  return {
    name: runtime.name,
    threads: runtime.threads,
    async compile(graph) {
      const session = await inTurn(() => runtime.compile(graph));
      return {
        run: (inputs) => inTurn(() => session.run(inputs)),
        dispose: () => inTurn(() => session.dispose()),
      };
    },
  };
}
