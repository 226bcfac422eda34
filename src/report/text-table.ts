/** @file A table as padded text or as Markdown. */
import { printable } from "./format.ts";

/** Between columns. */
const GAP = "  ";

/** Columns padded for a terminal, or a Markdown table. */
export type TableFormat = "text" | "markdown";

/** A column's head; numbers are aligned right. */
export interface Column {
  readonly title: string;
  readonly left?: boolean;
}

/**
 * Rows of cells under their columns.
 * @param widest from this width on, titles of padded columns have a word a line
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
  const plain = widthsOf([titles, ...clean]);
  const fits = plain.reduce((sum, width) => sum + width + GAP.length, -GAP.length) <= widest;
  const lines = [...(fits ? [titles] : wrapped(titles)), ...clean];
  const widths = widthsOf(lines);
  return lines
    .map((line) =>
      line
        .map((cell, k) => {
          const padding = " ".repeat(widths[k]! - [...cell].length);
          return columns[k]!.left ? cell + padding : padding + cell;
        })
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");
}

const widthsOf = (lines: readonly (readonly string[])[]): number[] =>
  lines[0]!.map((_, k) => Math.max(...lines.map((line) => [...line[k]!].length)));

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
