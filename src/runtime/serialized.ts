/** @file A runtime for one thing at a time. */
import type { Runtime } from "./runtime.ts";

/** Does one piece of work after another, in the order they were asked for. */
export type Turns = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** A queue of one's own. */
export function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {}); // whoever asked hears of it; the next one has its turn
    return result;
  };
}

/**
 * The same runtime, one thing after another in the order they were asked for: compiling, running and disposing. For a
 * runtime that can't do two at once, as onnxruntime-web. Inputs must stay as they are until their run is over.
 * @param inTurn where others share what can't do two things at once
 */
export function serialized(runtime: Runtime, inTurn: Turns = turns()): Runtime {
  return {
    name: runtime.name,
    threads: runtime.threads,
    async compile(graph, options) {
      const session = await inTurn(() => runtime.compile(graph, options));
      return {
        run: (inputs) => inTurn(() => session.run(inputs)),
        dispose: () => inTurn(() => session.dispose()),
      };
    },
  };
}
