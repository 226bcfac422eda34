/** @file Sessions by name: what could not be compiled is tried again. */
import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { Sessions } from "../../src/network/sessions.ts";
import type { Session } from "../../src/runtime/runtime.ts";

test("a graph that failed to compile is compiled anew for who asks next, and nothing else is lost", async () => {
  const session: Session = { run: async () => ({}), dispose: async () => {} };
  let tries = 0;
  const compile = async (): Promise<Session> => {
    if (++tries === 1) throw new Error("no memory");
    return session;
  };
  const sessions = new Sessions({ name: "flaky", threads: 1, compile });
  const build = () => ({}) as Graph;
  await expect(sessions.get("a", build)).rejects.toThrow("no memory");
  expect(await sessions.get("a", build)).toBe(session);
  expect(await sessions.get("a", build)).toBe(session);
  expect(tries).toBe(2);
  await sessions.dispose();
});
