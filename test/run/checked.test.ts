import { expect, test } from "vitest";
import * as z from "zod";
import { asTyped } from "../../src/cli/flags.ts";
import { checked } from "../../src/run/checked.ts";

const schema = z.object({
  data: z.string().describe("folder with images"),
  batchSize: z.number().int().positive().default(32),
});
const refusal = (values: object, source?: string): string => {
  try {
    return JSON.stringify(checked(schema, values, source));
  } catch (error) {
    return (error as Error).message;
  }
};

test("options are checked, and what is wrong is named as a program writes it", () => {
  expect(refusal({ data: "here" })).toBe('{"data":"here","batchSize":32}');
  expect(refusal({})).toBe("`data` is missing: folder with images");
  expect(refusal({ data: "here", batchSize: 0.5 })).toBe("`batchSize: 0.5`: expected a whole number above 0");
  expect(refusal({ data: "here", color: 1 })).toBe("`color`: there is no such option");
  expect(refusal({ data: 1 }, "model.json")).toBe("model.json: `data: 1`: expected a text");
});

test("the command line names it as it is typed", () => {
  expect(asTyped(refusal({}))).toBe("--data is missing: folder with images");
  expect(asTyped(refusal({ data: "here", batchSize: 0.5 }))).toBe(
    "--batch-size 0.5: expected a whole number above 0",
  );
  expect(asTyped(refusal({ data: "here", color: 1 }))).toBe("--color: there is no such option");
  expect(asTyped(refusal({ data: 1 }, "model.json"))).toBe("model.json: --data 1: expected a text");
});
