/** @file Images of several requests, put together. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { Batcher, OverloadedError } from "../../../src/node/server/batcher.ts";
import type { Answers, Outcome } from "../../../src/node/server/calls.ts";

const image = (value: number): Uint8Array => Uint8Array.of(value);

/** Answers with the first byte, when `open` says so. */
function counting() {
  const batches: number[][] = [];
  const open: (() => void)[] = [];
  const compute = async (images: readonly Uint8Array[]): Promise<Answers> => {
    const values = images.map(([value]) => value!);
    batches.push(values);
    await new Promise<void>((resolve) => open.push(resolve));
    if (values.includes(255)) throw new Error("no");
    const outcomes = values.map((value): Outcome => ({ error: String(value) }));
    return { outcomes, learns: 1 };
  };
  return { batches, open, compute };
}

const texts = async (answer: ReturnType<Batcher["answer"]>): Promise<string[]> =>
  (await answer).map(({ outcome }) => ("error" in outcome ? outcome.error : outcome.label));

test("what comes within the wait is computed together, and what comes meanwhile in the next batch", async () => {
  const { batches, open, compute } = counting();
  const batcher = new Batcher({ compute, wait: 20, most: 4, room: 100 });
  const first = batcher.answer([image(1)]);
  const second = batcher.answer([image(2)]);
  await expect.poll(() => batches).toEqual([[1, 2]]);
  const third = batcher.answer([image(3)]);
  await sleep(60); // longer than the wait: a batch is at work, and more may come until it is done
  const fourth = batcher.answer([image(4)]);
  expect(batches).toEqual([[1, 2]]);
  expect([batcher.waiting, batcher.busy]).toEqual([2, true]);
  open[0]!();
  await expect
    .poll(() => batches)
    .toEqual([
      [1, 2],
      [3, 4],
    ]);
  open[1]!();
  expect(await Promise.all([first, second, third, fourth].map(texts))).toEqual([["1"], ["2"], ["3"], ["4"]]);
  expect([batcher.waiting, batcher.busy]).toEqual([0, false]);
});

test("full batches go two at a time, a request's images in order whatever batch they are in", async () => {
  const { batches, open, compute } = counting();
  const batcher = new Batcher({ compute, wait: 20, most: 2, room: 100 });
  const answer = batcher.answer([1, 2, 3, 4, 5].map(image));
  expect(batches).toEqual([
    [1, 2],
    [3, 4],
  ]);
  open[1]!();
  await expect.poll(() => batches.length).toBe(3);
  open[0]!();
  open[2]!();
  expect(await texts(answer)).toEqual(["1", "2", "3", "4", "5"]);
});

test("no more may wait than there is room for", async () => {
  const { open, compute } = counting();
  const batcher = new Batcher({ compute, wait: 5, most: 1, room: 3 });
  const taken = [batcher.answer([image(1)]), batcher.answer([image(2)])]; // at work
  const waiting = batcher.answer([image(3), image(4)]);
  expect(() => batcher.answer([image(5), image(6)])).toThrow(OverloadedError);
  expect(() => batcher.answer([image(5), image(6)])).toThrow(
    "2 images are waiting, and there is room for 3; send fewer, or later",
  );
  for (let i = 0; i < 4; i++) {
    await expect.poll(() => open.length).toBeGreaterThan(i);
    open[i]!();
  }
  expect(await Promise.all([...taken, waiting].map(texts))).toEqual([["1"], ["2"], ["3", "4"]]);
});

test("a failure is that of its batch alone", async () => {
  const { open, compute } = counting();
  const batcher = new Batcher({ compute, wait: 0, most: 1, room: 3 });
  const bad = batcher.answer([image(255)]);
  const good = batcher.answer([image(7)]);
  for (const each of open) each();
  await expect(bad).rejects.toThrow("no");
  expect(await texts(good)).toEqual(["7"]);
});
