/** @file Numbers that no memory holds are refused by their flag, before anything is allocated. */
import { expect, test } from "vitest";
import { settingsOf } from "../../src/cli/settings.ts";
import { pretrainingOptionsSchema } from "../../src/node/pretraining/options.ts";
import { checkBatch } from "../../src/run/bounds.ts";
import { runOptionsSchema } from "../../src/run/options.ts";

test.each([
  [runOptionsSchema, "image-size", 2048],
  [runOptionsSchema, "batch-size", 65_536],
  [runOptionsSchema, "micro-batch", 65_536],
  [pretrainingOptionsSchema, "image-size", 2048],
  [pretrainingOptionsSchema, "batch", 65_536],
  [pretrainingOptionsSchema, "micro-batch", 65_536],
  [pretrainingOptionsSchema, "width", 8192],
  [pretrainingOptionsSchema, "layers", 256],
])("%# --%s has an upper bound", (schema, flag, most) => {
  const setting = settingsOf(schema).find((each) => each.flag === flag)!;
  expect(setting.read(`${most}`)).toBe(most);
  expect(() => setting.read("1000000000")).toThrow(
    `--${flag} "1000000000": expected a whole number above 0 and at most ${most}`,
  );
});

test("a batch has an upper bound in bytes", () => {
  checkBatch("batchSize", 64, 2048);
  checkBatch("batchSize", 4096, 224);
  expect(() => checkBatch("batchSize", 65_536, 224)).toThrow(
    "`batchSize: 65536`: at most 7133 images of 224 pixels fit in a batch",
  );
});
