import { afterAll, beforeAll, expect, test } from "vitest";
import { Workplace } from "./command.ts";

let place: Workplace;
beforeAll(async () => {
  place = await new Workplace().prepare();
});
afterAll(() => place.remove());

test("bench measures a step, features and a prediction, in either precision", async () => {
  for (const precision of ["float32", "int8"]) {
    const quick = [
      "--backbone",
      "backbone",
      "--batch",
      "4",
      "--rank",
      "2",
      "--repetitions",
      "2",
      "--threads",
      "1",
    ];
    const { code, stdout, stderr } = await place.fmlora([
      "bench",
      ...quick,
      "--precision",
      precision,
      "--json",
    ]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ images }) => images)).toEqual([4, 4, 1]);
    for (const { best, median } of lines as { best: number; median: number }[]) {
      expect(best).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(best);
    }
  }
});

test("bench refuses what can't be measured, in one line", async () => {
  expect(await place.refused("bench", "--repetitions", "0")).toMatchInlineSnapshot(
    `"fmlora: --repetitions "0": expected a whole number above 0 [2]"`,
  );
  expect(await place.refused("bench", "--image-size", "800000")).toMatchInlineSnapshot(
    `"fmlora: --image-size "800000": expected a whole number above 0 and at most 2048 [2]"`,
  );
  expect(await place.refused("bench", "--image-size", "2048", "--batch", "4096")).toMatchInlineSnapshot(
    `"fmlora: --batch 4096: at most 85 images of 2048 pixels fit in a batch [2]"`,
  );
  expect(await place.refused("bench", "--backbone", "nowhere")).toContain("--backbone nowhere");
});
