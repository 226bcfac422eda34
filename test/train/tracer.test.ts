import { expect, test } from "vitest";
import { NO_TRACE, type Trace, Tracer } from "../../src/train/tracer.ts";

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

async function* numbers(onEnd: () => void): AsyncGenerator<number, void> {
  try {
    for (let i = 0; ; i++) yield i;
  } finally {
    onEnd();
  }
}

/** Some work of every kind; what it returns must not depend on the trace. */
async function work(trace: Trace): Promise<{ sum: number; ended: boolean }> {
  let sum = 0;
  let ended = false;
  const items = trace.waiting(
    "wait",
    numbers(() => {
      ended = true;
    }),
  );
  await trace.time("outer", async () => {
    for await (const item of items) {
      sum += trace.measure("inner", () => item);
      if (item === 2) break;
    }
  });
  return { sum, ended };
}

test("spans are named by what they lie in, and the work is the same as without a trace", async () => {
  const tracer = new Tracer();
  expect(await work(tracer)).toEqual(await work(NO_TRACE));
  const paths = tracer.spans.map(({ path }) => path.join(" "));
  expect(paths).toEqual([
    "outer wait",
    "outer inner",
    "outer wait",
    "outer inner",
    "outer wait",
    "outer inner",
    "outer",
  ]);
  const outer = tracer.spans.at(-1)!;
  for (const { start, milliseconds } of tracer.spans) {
    expect(start).toBeGreaterThanOrEqual(outer.start);
    expect(start + milliseconds).toBeLessThanOrEqual(outer.start + outer.milliseconds);
  }
});

test("work that ends before or after what began beside it doesn't stay open", async () => {
  const tracer = new Tracer();
  const long = tracer.time("long", () => pause(20));
  await tracer.time("short", () => pause(1));
  await long;
  tracer.measure("next", () => {});
  expect(tracer.spans.map(({ path }) => path.join(" "))).toEqual(["long short", "long", "next"]);
});

test("a span ends where its work fails, and the failure passes on", async () => {
  const tracer = new Tracer();
  const failing = async (): Promise<never> => {
    throw new Error("no luck");
  };
  await expect(tracer.time("failing", failing)).rejects.toThrow("no luck");
  const boom = (): never => {
    throw new Error("boom");
  };
  expect(() => tracer.measure("sync", boom)).toThrow("boom");
  expect(tracer.spans.map(({ path }) => path.join(" "))).toEqual(["failing", "sync"]);
});
