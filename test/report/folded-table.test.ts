/** @file Tables in narrow terminals. */
import { expect, test } from "vitest";
import { formatTable } from "../../src/report/text-table.ts";

const titles = ["runs", "last %", "average %", "forgetting", "over frozen LDA", "trained", "time"];
const columns = [
  { title: "method", left: true },
  { title: "readout", left: true },
  ...titles.map((title) => ({ title })),
];
const numbers = ["3", "58.5 ± 0.2", "69.4 ± 2.1", "14.2 ± 1.2", "+7.7", "163,714", "11 min 54 s"];
const rows = [
  ["fm-lora --rows cosine --row-start class-means", "gaussian", ...numbers],
  ["lda", "lda", ...numbers],
];

test("a table that fits is in one piece", () => {
  expect(formatTable(columns, rows, "text", 200).split("\n")).toHaveLength(3);
  expect(formatTable(columns, rows, "text")).toBe(formatTable(columns, rows, "text", 200));
});

test.each([60, 80, 100])("in %i columns no line is longer, no word broken, and nothing missing", (widest) => {
  const text = formatTable(columns, rows, "text", widest);
  for (const line of text.split("\n")) expect([...line].length).toBeLessThanOrEqual(widest);
  const words = text.split(/\s+/);
  for (const word of [...titles, ...rows.flat()].flatMap((cell) => cell.split(" "))) {
    expect(words).toContain(word);
  }
});

test("it is folded so", () => {
  expect(`\n${formatTable(columns, rows, "text", 64)}`).toMatchInlineSnapshot(`
    "
                                                   last     average
    method                   readout   runs           %           %
    fm-lora --rows cosine    gaussian     3  58.5 ± 0.2  69.4 ± 2.1
    --row-start class-means
    lda                      lda          3  58.5 ± 0.2  69.4 ± 2.1

                                                     over
                                                   frozen
    method                   readout   forgetting     LDA  trained
    fm-lora --rows cosine    gaussian  14.2 ± 1.2    +7.7  163,714
    --row-start class-means
    lda                      lda       14.2 ± 1.2    +7.7  163,714

    method                   readout          time
    fm-lora --rows cosine    gaussian  11 min 54 s
    --row-start class-means
    lda                      lda       11 min 54 s"
  `);
  const said = "trains added values in every task; grows with classes; 1 forward pass an image";
  const left = ["method", "trains, keeps, costs"].map((title) => ({ title, left: true }));
  expect(
    `\n${formatTable(left, [["fm-lora --rows cosine --row-start class-means", said]], "text", 64)}`,
  ).toMatchInlineSnapshot(`
      "
      method                   trains, keeps, costs
      fm-lora --rows cosine    trains added values in every task;
      --row-start class-means  grows with classes; 1 forward pass an
                               image"
    `);
});
