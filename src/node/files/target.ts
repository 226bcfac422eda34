/** @file Looks at a file that a command is to write, before the work whose result it is to hold. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { InputError } from "../../tensor/errors.ts";
import { temporaryName } from "./write.ts";
import { explainWrites } from "./write-errors.ts";

/**
 * Finds out whether a file can be written.
 * @param option as it was typed: "--out"
 * @throws InputError for what is there and no regular file (a rename would replace a device), and for what can't be
 */
export async function checkTarget(option: string, file: string): Promise<void> {
  if (file === "" || /[/\\]$/.test(file)) {
    throw new InputError(`${option} ${JSON.stringify(file)}: expected the name of a file`);
  }
  await explainWrites(`${option} ${file}`, () => {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) throw new InputError(`${option} ${file}: is a folder; name a file`);
    if (found?.isFile() === false) {
      throw new InputError(
        `${option} ${file}: is no regular file; it would be replaced, choose another name`,
      );
    }
    statSync(temporaryName(file), { throwIfNoEntry: false }); // longer than the name itself
    let folder = dirname(file);
    while (!existsSync(folder)) folder = dirname(folder);
    accessSync(folder, constants.W_OK);
  });
}
