/** @file A file of JSON lines that grows, and can be cut back to what is known to hold. */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { InputError } from "../../tensor/errors.ts";
import { explainWrites } from "./write.ts";

/** One JSON value a line. */
export class LineLog<Line extends object> {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  /** With `flush`, the line is on the disk when this returns. @throws InputError if the file can't be written */
  append(line: Line, { flush = false } = {}): void {
    try {
      appendFileSync(this.file, `${JSON.stringify(line)}\n`, { flush });
    } catch (error) {
      throw new InputError(
        `${this.file}: cannot be written: ${(error as Error).message}; continue with --resume`,
        { cause: error },
      );
    }
  }

  /** All lines. @throws InputError if one is no JSON */
  read(): Line[] {
    if (!existsSync(this.file)) return [];
    const lines = readFileSync(this.file, "utf8").split("\n");
    return lines.flatMap((line, index) => (line === "" ? [] : [this.#parsed(line, index + 1)]));
  }

  #parsed(line: string, number: number): Line {
    try {
      return JSON.parse(line) as Line;
    } catch (error) {
      throw new InputError(
        `${this.file} line ${number}: is damaged (${(error as Error).message}); start the run again in another --out`,
        { cause: error },
      );
    }
  }

  /** Cuts the file back to its first `count` lines. */
  async keep(count: number): Promise<void> {
    if (!existsSync(this.file)) return;
    const bytes = readFileSync(this.file);
    let end = 0;
    for (let kept = 0; kept < count && end < bytes.length; kept++) {
      const newline = bytes.indexOf(10, end);
      end = newline === -1 ? bytes.length : newline + 1;
    }
    await explainWrites(this.file, () => truncateSync(this.file, end));
  }
}
