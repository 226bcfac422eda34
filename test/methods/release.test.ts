/** @file A training that comes to nothing is freed when the model goes back to a state: attempts don't add up. */
import { expect, test } from "vitest";
import { METHODS } from "../../src/methods/index.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { learn, learnerOf, patternBatch, steps } from "../support/one-task.ts";
import { oneThread } from "../support/run-method.ts";

/** A runtime that counts the sessions which nobody has freed. */
function counting(): { readonly runtime: Runtime; readonly open: () => number } {
  let open = 0;
  const compile: Runtime["compile"] = async (...how) => {
    const session = await oneThread.compile(...how);
    open++;
    const dispose = (): Promise<void> => {
      open--;
      return session.dispose();
    };
    return { run: (inputs) => session.run(inputs), dispose };
  };
  return { runtime: { ...oneThread, compile }, open: () => open };
}

test.each(METHODS.filter(({ traits }) => traits.trains === "every task").map(({ name }) => name))(
  "%s",
  async (name) => {
    const { runtime, open } = counting();
    const learner = learnerOf(name, { runtime });
    await learn(learner, patternBatch([0, 1, 0, 1]), 1);
    const state = learner.state();
    const left: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      await steps(learner, patternBatch([2, 3, 2, 3]), 1, 1);
      await learner.load(state);
      left.push(open());
    }
    expect(left[2]).toBe(left[0]);
    await learner.dispose();
    expect(open()).toBe(0);
  },
);
