/** @file A file of JSON lines that grows, and can be cut back to what is known to hold. */
import { existsSync, truncateSync } from "node:fs";
import { InputError } from "../../tensor/errors.ts";
import { fnv1a } from "../../tensor/hash.ts";
import { readWholeSync } from "./read.ts";
import { appendWhole } from "./write.ts";
import { explainWritesSync, RUN_FILE, RUN_LOG } from "./write-errors.ts";

/** One JSON value a line. */
export class LineLog<Line extends object> {
  readonly file: string;
  #hash = fnv1a([]);

  constructor(file: string) {
    this.file = file;
  }

  /** With `flush`, the line is on the disk when this returns. @throws InputError if the file can't be written */
  append(line: Line, { flush = false } = {}): void {
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    this.#hash = fnv1a(bytes, this.#hash);
    appendWhole(this.file, bytes, { flush, written: RUN_LOG });
  }

  /** All lines. @throws InputError if one is no JSON */
  read(): Line[] {
    if (!existsSync(this.file)) return [];
    const lines = new TextDecoder().decode(readWholeSync(this.file)).split("\n");
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

  /** Of all lines that were appended, and of those that `keep` kept: a changed digit changes it. */
  get checksum(): string {
    return (this.#hash >>> 0).toString(16);
  }

  /** Cuts the file back to its first `count` lines. */
  keep(count: number): void {
    if (!existsSync(this.file)) return;
    const bytes = readWholeSync(this.file);
    let end = 0;
    for (let kept = 0; kept < count && end < bytes.length; kept++) {
      const newline = bytes.indexOf(10, end);
      end = newline === -1 ? bytes.length : newline + 1;
    }
    this.#hash = fnv1a(bytes.subarray(0, end));
    explainWritesSync(this.file, () => truncateSync(this.file, end), RUN_FILE);
  }
}
