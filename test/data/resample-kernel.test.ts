/** @file The WebAssembly that comes along is what its text says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import compile from "watr/compile";
import { RESAMPLE_KERNEL } from "../../src/data/generated/resample-kernel.ts";

test("the text, assembled again, gives the bytes that come along: if not, npx tsx scripts/assemble.ts", () => {
  const text = readFileSync(new URL("../../src/data/resample-kernel.wat", import.meta.url), "utf8");
  expect(Buffer.from(compile(text)).toString("base64")).toBe(RESAMPLE_KERNEL);
});
