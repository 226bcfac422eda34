import { describe, expect, expectTypeOf, test } from "vitest";
import * as z from "zod";
import { type Benchmark, defineBenchmark, type OpenRequest } from "../../src/run/benchmark.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { toyDataset } from "../data/toy-dataset.ts";

const options = z.object({
  classes: z.number().int().min(2).default(4).describe("how many"),
  style: z.enum(["plain", "bold"]).default("plain").describe("how they look"),
});
const facts = {
  name: "toy",
  kind: "class-incremental",
  tasks: 2,
  summary: "toys",
  needs: "a box of toys",
  options,
} as const;

/** A benchmark that remembers what its `open` was given. */
function remembering() {
  const seen: OpenRequest<typeof options>[] = [];
  const open = async (request: OpenRequest<typeof options>) => {
    seen.push(request);
    return toyDataset({ classes: request.options.classes, trainPerClass: 1 });
  };
  return {
    seen,
    drawn: defineBenchmark({ ...facts, usesData: false, open }),
    stored: defineBenchmark({ ...facts, usesData: true, open }),
  };
}

describe("a benchmark that is defined", () => {
  test("gets its options checked and filled in, and its folder", async () => {
    const { seen, drawn, stored } = remembering();
    await drawn.open();
    await drawn.open({ seed: 7, options: { style: "bold" } });
    await stored.open({ data: "box", options: { classes: 2 } });
    expect(seen).toEqual([
      { seed: 0, options: { classes: 4, style: "plain" } },
      { seed: 7, options: { classes: 4, style: "bold" } },
      { seed: 0, data: "box", options: { classes: 2, style: "plain" } },
    ]);
  });

  test.each([
    [{ classes: 1 }, "benchmark toy: --classes 1: expected a whole number of at least 2"],
    [{ classes: "3" }, 'benchmark toy: --classes "3": expected a whole number of at least 2'],
    [{ style: "italic" }, 'benchmark toy: --style "italic": expected one of: plain, bold'],
    [{ toString: 1 }, "benchmark toy: --to-string: there is no such option"],
    [{ class: 3 }, "benchmark toy: --class: there is no such option"],
    [{ clases: 3 }, "benchmark toy: --clases: there is no such option (did you mean --classes?)"],
  ])("refuses %j", async (wrong, message) => {
    const { seen, drawn } = remembering();
    const erased: Benchmark = drawn;
    await expect(erased.open({ options: wrong })).rejects.toThrow(new InputError(message));
    expect(seen).toEqual([]);
  });

  test("needs its folder, or refuses one that it would not look at", async () => {
    const { seen, drawn, stored } = remembering();
    const missing = new InputError("toy: no data folder given; it needs a box of toys");
    await expect(stored.open()).rejects.toThrow(missing);
    await expect(stored.open({ data: "" })).rejects.toThrow(missing);
    await expect(drawn.open({ data: "box" })).rejects.toThrow(
      new InputError(
        'toy: it needs a box of toys and reads no data folder, but "box" was given; leave it out',
      ),
    );
    expect(seen).toEqual([]);
  });

  test("says nothing of its source that its definition doesn't", () => {
    const { source } = defineBenchmark({
      ...facts,
      usesData: false,
      source: { license: "CC0" },
      open: async () => toyDataset({ classes: 2, trainPerClass: 1 }),
    });
    const unknown = { home: null, hub: null, images: null, classes: null, bytes: null };
    expect(source).toEqual({ license: "CC0", ...unknown });
    expect(remembering().drawn.source.license).toBe("not stated");
  });

  test("keeps the types of its options", () => {
    type Given = NonNullable<NonNullable<Parameters<Benchmark<typeof options>["open"]>[0]>["options"]>;
    expectTypeOf<Given>().toEqualTypeOf<{
      classes?: number | undefined;
      style?: "plain" | "bold" | undefined;
    }>();
    defineBenchmark({
      ...facts,
      usesData: true,
      async open(request) {
        expectTypeOf(request.data).toEqualTypeOf<string>();
        expectTypeOf(request.options).toEqualTypeOf<{ classes: number; style: "plain" | "bold" }>();
        return toyDataset({ classes: 2, trainPerClass: 1 });
      },
    });
  });
});
