/** @file All that the commands print goes through here: nothing in it moves the cursor, and none of it is lost unsaid. */
import { fstatSync } from "node:fs";
import { putAllSync } from "../node/files/write.ts";
import { explainWritesSync } from "../node/files/write-errors.ts";
import { printableLines } from "../report/format.ts";

const STDOUT = 1;

/** Prints an answer, lines and all. @throws InputError if it can't be written, as where a disk is full */
export function print(text: string): void {
  const clean = printableLines(text);
  if (!isFile()) {
    process.stdout.write(clean);
    return;
  }
  // Node's stream takes no notice of a write that took fewer bytes than it was given.
  explainWritesSync("standard output", () => putAllSync(STDOUT, new TextEncoder().encode(clean)), {
    advice: (full) => (full ? " and start again" : ""),
  });
}

/** Says something beside the answer. */
export function remark(text: string): void {
  process.stderr.write(printableLines(text));
}

let file: boolean | undefined;

/** A file, or a device that is no terminal: written at once. Pipes are not. */
function isFile(): boolean {
  if (file === undefined) {
    const stats = fstatSync(STDOUT);
    file = stats.isFile() || (stats.isCharacterDevice() && !process.stdout.isTTY);
  }
  return file;
}
