/** @file Cells padded to columns. */

/** Between columns. */
export const GAP = "  ";

/** A column's head; numbers are aligned right. */
export interface Column {
  readonly title: string;
  readonly left?: boolean;
}

/** Characters of the widest cell of each column. */
export const widthsOf = (lines: readonly (readonly string[])[]): number[] =>
  lines[0]!.map((_, k) => Math.max(...lines.map((line) => [...line[k]!].length)));

/** Lines of cells, each column as wide as its widest cell. */
export function padded(
  columns: readonly Pick<Column, "left">[],
  lines: readonly (readonly string[])[],
): string {
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
