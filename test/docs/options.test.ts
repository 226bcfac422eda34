/** @file docs/options.md says what the code does. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { OPTIONS_PAGE, optionsPage } from "../../scripts/generate-docs.ts";

test("docs/options.md is up to date; npx tsx scripts/generate-docs.ts writes it", () => {
  expect(readFileSync(OPTIONS_PAGE, "utf8")).toBe(optionsPage());
});
