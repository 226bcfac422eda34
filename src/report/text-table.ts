/** @file A table as padded text or as Markdown. */
import { folded } from "./folded-table.ts";
import { printable } from "./format.ts";
import { type Column, GAP, padded, widthsOf } from "./padding.ts";

export type { Column } from "./padding.ts";

/** Columns padded for a terminal, or a Markdown table. */
export type TableFormat = "text" | "markdown";

/**
 * Rows of cells under their columns.
 * @param widest from this width on, titles of padded columns have a word a line; where that is not enough, columns go
 *   below each other
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  format: TableFormat,
  widest = Number.POSITIVE_INFINITY,
): string {
  const cleaned = format === "text" ? printable : escapeMarkdown;
  const clean = rows.map((row) => row.map(cleaned));
  const titles = columns.map(({ title }) => cleaned(title)); // a domain's name may be one
  if (format === "markdown")
    return [titles, columns.map((column) => (column.left ? ":---" : "---:")), ...clean]
      .map((row) => `| ${row.join(" | ")} |`)
      .join("\n");
  const fits = (lines: readonly (readonly string[])[]): boolean =>
    widthsOf(lines).reduce((sum, width) => sum + width + GAP.length, -GAP.length) <= widest;
  const ways = [[titles], wrapped(titles)].map((head) => [...head, ...clean]);
  const lines = ways.find(fits);
  return lines === undefined ? folded(columns, [titles, ...clean], widest) : padded(columns, lines);
}

/** Titles with a word a line, ending at the same line. */
function wrapped(titles: readonly string[]): string[][] {
  const words = titles.map((title) => title.split(" "));
  const height = Math.max(...words.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    words.map((own) => own[line - (height - own.length)] ?? ""),
  );
}

/** Text that Markdown shows as it is. */
export function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*~[\]|<>&]/g, "\\$&");
}
