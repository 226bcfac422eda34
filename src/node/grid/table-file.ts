/** @file A grid's YAML file. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { LineCounter, parseDocument } from "yaml";
import { type Grid, type GridContext, gridOf } from "../../grid/cells.ts";
import { InputError } from "../../tensor/errors.ts";
import { benchmarks } from "../benchmarks/index.ts";

/** What cells are made with here. */
export const gridContext = (file: string): GridContext => ({
  benchmarks,
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  file,
});

/** The grid that a file describes. @throws InputError that says where it is wrong */
export function openGrid(file: string): Grid {
  const lines = new LineCounter();
  const document = parseDocument(read(file), { lineCounter: lines, prettyErrors: false });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0]);
    throw new InputError(`${file} line ${line}: ${problem.message}`);
  }
  return gridOf(document.toJS(), gridContext(file));
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new InputError(
      `${file}: ${missing ? "no such file; expected a grid in YAML (docs/grids.md)" : (error as Error).message}`,
      { cause: error },
    );
  }
}
