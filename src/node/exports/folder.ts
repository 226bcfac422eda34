/** @file A folder that appears with all of its files, or not at all. */
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { FolderFiles } from "../../export/work.ts";
import { InputError } from "../../tensor/errors.ts";
import { writeWhole } from "../files/write.ts";
import { explainWrites, type Written } from "../files/write-errors.ts";

const EXPORT: Written = { advice: (full) => (full ? " and export again" : "; choose another --out") };

/** Before any work. @throws InputError for a folder with something in it, and for one that can't be made */
export async function checkFolder(folder: string): Promise<void> {
  if (folder === "") throw new InputError('--out "": expected the name of a folder');
  await explainWrites(
    `--out ${folder}`,
    () => {
      const found = statSync(folder, { throwIfNoEntry: false });
      if (found !== undefined && !found.isDirectory()) {
        throw new InputError(`--out ${folder}: is a file; name a folder that is not there yet`);
      }
      if (found !== undefined && readdirSync(folder).length > 0) {
        throw new InputError(`--out ${folder}: is not empty; remove it, or choose another --out`);
      }
      let above = dirname(resolve(folder));
      while (!existsSync(above)) above = dirname(above);
      accessSync(above, constants.W_OK);
    },
    EXPORT,
  );
}

/** Writes into a folder beside it, which then gets its name. @throws InputError for a full disk or no permission */
export async function writeFolder(folder: string, files: FolderFiles): Promise<void> {
  const whole = resolve(folder);
  const temporary = `${whole}.${randomBytes(4).toString("hex")}.tmp`;
  const atExit = (): void => rmSync(temporary, { recursive: true, force: true });
  process.once("exit", atExit);
  try {
    for (const [path, content] of Object.entries(files)) {
      await writeWhole(join(temporary, path), content, EXPORT);
    }
    await explainWrites(
      folder,
      async () => {
        await mkdir(dirname(whole), { recursive: true });
        if (existsSync(whole)) await rmdir(whole); // empty, or this refuses
        await rename(temporary, whole);
      },
      EXPORT,
    );
  } finally {
    await rm(temporary, { recursive: true, force: true });
    process.off("exit", atExit);
  }
}
