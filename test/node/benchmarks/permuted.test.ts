import { expect, test } from "vitest";
import { domainIncremental } from "../../../src/data/stream.ts";
import { permuted } from "../../../src/node/benchmarks/permuted.ts";
import { InputError } from "../../../src/tensor/errors.ts";

const open = (options: Record<string, number>, seed = 1) => permuted.open({ seed, options });
const pixels = async (dataset: Awaited<ReturnType<typeof open>>, name: string, domain: number) => {
  const image = await dataset.read({ id: `noto/${name}`, label: 0, domain });
  if (image.kind !== "rgb") throw new Error("expected raw pixels");
  return Array.from({ length: image.width * image.height }, (_, i) =>
    [...image.data.subarray(3 * i, 3 * i + 3)].join(),
  );
};

test("a thousand tasks of the same classes, each with pixels of its own order that all its images share", async () => {
  const dataset = await open({ permutations: 1000, classes: 3 });
  const { tasks } = domainIncremental(dataset);
  expect(tasks.map((task) => [task.train.length, task.test.length])).toEqual(new Array(1000).fill([15, 3]));
  const [first, second] = dataset.classNames as [string, string];
  const plain = await pixels(dataset, first, 0);
  const moved = await pixels(dataset, first, 777);
  expect(moved).not.toEqual(plain);
  expect(moved.toSorted()).toEqual(plain.toSorted());
  expect(await pixels(dataset, first, 778)).not.toEqual(moved);
  expect(await pixels(dataset, first, 777)).toEqual(moved);
  // One permutation, looked up in one image, carries the other over.
  const other = await pixels(dataset, second, 0);
  const pairs = new Set(plain.map((value, i) => `${value} ${other[i]}`));
  const movedOther = await pixels(dataset, second, 777);
  expect(new Set(moved.map((value, i) => `${value} ${movedOther[i]}`))).toEqual(pairs);
  expect(await pixels(await open({ permutations: 1000, classes: 3 }, 2), first, 777)).not.toEqual(moved);
});

test("refuses numbers out of range", async () => {
  await expect(open({ permutations: 1 })).rejects.toThrow(
    new InputError(
      "benchmark permuted: `permutations: 1`: expected a whole number of at least 2 and at most 100000",
    ),
  );
  await expect(open({ classes: 5000 })).rejects.toThrow(/--classes 5000: expected at most 1032/);
});
