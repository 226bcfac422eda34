/** @file A comparison as plain text or Markdown. */
import { printable } from "../format.ts";
import { escapeMarkdown, formatTable, type TableFormat } from "../text-table.ts";
import type { Comparison } from "./compare.ts";
import { cellTables } from "./tables.ts";

/** Every table under its setting: mean ± standard deviation over runs, then differences, "tie" where an interval holds zero. @param widest characters of a line, for text */
export function comparisonText(
  { tables, apart }: Comparison,
  format: TableFormat = "markdown",
  widest?: number,
): string {
  const text = format === "text" ? printable : escapeMarkdown;
  const parts = tables.flatMap((table) => [
    format === "text" ? text(table.setting) : `**${text(table.setting)}**`,
    ...table.notes.map(text),
    ...cellTables(table).flatMap(({ caption, columns, rows }) => [
      ...(caption === "" ? [] : [text(caption)]),
      formatTable(columns, rows, format, widest),
    ]),
  ]);
  return `${[...apartText(apart).map(text), ...parts].join("\n\n")}\n`;
}

/** Why there are several tables. */
export const apartText = (apart: readonly string[]): string[] =>
  apart.length === 0 ? [] : [`Tables are apart where runs differ in ${apart.join(", ")}.`];
