/** @file A table that is too wide for its terminal, folded: words go to further lines, columns below each other. */
import { type Column, GAP, padded } from "./padding.ts";

/** Most characters of a cell that says what a row is. */
const KEY_WIDTH = 30;

type Lines = readonly string[];
/** One column: a list of lines for the title and for every row. */
interface Folded extends Pick<Column, "left"> {
  readonly cells: readonly Lines[];
  readonly width: number;
}

/**
 * Tables of as many columns as fit, one below the other; each begins with the columns that say what a row is: those on the
 * left. No word is broken: one that is longer than its column makes it wider.
 * @param rows the titles first
 */
export function folded(columns: readonly Column[], rows: readonly Lines[], widest: number): string {
  const numbers = columns.findIndex(({ left }) => left !== true);
  const keyCount = numbers < 0 ? columns.length - 1 : numbers;
  const column = (k: number, most: number): Folded => {
    const cells = rows.map((row, at) =>
      wordsWithin(row[k]!, at === 0 && columns[k]!.left !== true ? 1 : most),
    );
    const width = Math.max(...cells.flat().map((line) => [...line].length));
    return { ...(columns[k]!.left && { left: true }), cells, width };
  };
  const keys = columns.slice(0, keyCount).map((_, k) => column(k, KEY_WIDTH));
  const room = widest - keys.reduce((sum, { width }) => sum + width + GAP.length, 0);
  const groups: Folded[][] = [];
  let left = 0;
  for (let k = keyCount; k < columns.length; k++) {
    const own = column(k, Math.max(room, 1));
    const group = groups.at(-1);
    if (group === undefined || own.width + GAP.length > left) {
      groups.push([own]);
      left = room - own.width;
    } else {
      group.push(own);
      left -= own.width + GAP.length;
    }
  }
  return groups.map((group) => blocks([...keys, ...group])).join("\n\n");
}

/** Rows of several lines: titles end at the same line, cells begin at it. */
function blocks(columns: readonly Folded[]): string {
  const lines = columns[0]!.cells.flatMap((_, row) => {
    const cells = columns.map(({ cells: own }) => own[row]!);
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      cells.map((own) => own[row === 0 ? line - (height - own.length) : line] ?? ""),
    );
  });
  return padded(columns, lines);
}

/** Words on lines of at most so many characters. */
function wordsWithin(text: string, most: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
