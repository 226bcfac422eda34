/** @file A table as padded text or as Markdown. */
import { printable } from "./format.ts";

/** Columns padded for a terminal, or a Markdown table. */
export type TableFormat = "text" | "markdown";

/** A column's head; numbers are aligned right. */
export interface Column {
  readonly title: string;
  readonly left?: boolean;
}

/** Rows of cells under their columns. */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  format: TableFormat,
): string {
  const cleaned = format === "text" ? printable : escapeMarkdown;
  const clean = rows.map((row) => row.map(cleaned));
  const titles = columns.map(({ title }) => cleaned(title)); // a domain's name may be one
  if (format === "markdown")
    return [titles, columns.map((column) => (column.left ? ":---" : "---:")), ...clean]
      .map((row) => `| ${row.join(" | ")} |`)
      .join("\n");
  const lines = [titles, ...clean];
  const widths = columns.map((_, k) => Math.max(...lines.map((line) => [...line[k]!].length)));
  return lines
    .map((line) =>
      line
        .map((cell, k) => {
          const padding = " ".repeat(widths[k]! - [...cell].length);
          return columns[k]!.left ? cell + padding : padding + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Text that Markdown shows as it is. */
export function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*~[\]|<>&]/g, "\\$&");
}
