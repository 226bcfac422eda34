import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FIELD_PICTURE, field } from "../../scripts/pictures.ts";
import { README, readmeWithTable } from "../../scripts/readme-table.ts";
import { resultsPage } from "../../scripts/results.ts";
import { INDEX, indexText } from "../../scripts/results-index.ts";
import {
  ROBUSTNESS_PAGE,
  ROBUSTNESS_PICTURE,
  robustnessPage,
  robustnessPicture,
} from "../../scripts/robustness.ts";

const folder = new URL("../../docs/results/", import.meta.url);
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test.each(names)("docs/results/%s.md says what its runs' files say", (name) => {
  expect(readFileSync(new URL(`${name}.md`, folder), "utf8")).toBe(resultsPage(name));
});

test("docs/results/results.json has every row; npx tsx scripts/results.ts NAME writes it", () => {
  expect(readFileSync(INDEX, "utf8")).toBe(indexText());
});

test("robustness.md and its figure have what the kept runs have; npx tsx scripts/robustness.ts writes them", () => {
  const page = readFileSync(ROBUSTNESS_PAGE, "utf8");
  expect(page).toBe(robustnessPage(page));
  expect(readFileSync(ROBUSTNESS_PICTURE, "utf8")).toBe(robustnessPicture());
});

test("the README's table has what the kept runs have; npx tsx scripts/readme-table.ts writes it", () => {
  const page = readFileSync(README, "utf8");
  expect(page).toBe(readmeWithTable(page));
});

test("the README's figure shows what the kept runs have; npx tsx scripts/pictures.ts field writes it", () => {
  expect(readFileSync(FIELD_PICTURE, "utf8")).toBe(field());
});
