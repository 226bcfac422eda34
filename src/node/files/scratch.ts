/** @file A file for numbers that must not outlive what they are for: it has no name, so that it is gone after a crash, too. */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scratch } from "../../network/activations.ts";
import { InputError } from "../../tensor/errors.ts";

/**
 * A file in the system's folder for temporary files. Where an open file can be removed (everywhere but on Windows) it is
 * at once; elsewhere when it is closed.
 * @throws InputError where none can be written
 */
export function scratchFile(): Scratch {
  const folder = tmpdir();
  const refused = (error: unknown): never => {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new InputError(
      `${folder}: no room for what the first blocks leave of a task's images (${message}); name a folder with more by TMPDIR, or adapt all blocks`,
      { cause: error },
    );
  };
  let own: string;
  let file: number;
  try {
    own = mkdtempSync(join(folder, "fm-lora-"));
    file = openSync(join(own, "activations"), "wx+", 0o600);
  } catch (error) {
    return refused(error);
  }
  const remove = (): void => rmSync(own, { recursive: true, force: true });
  if (process.platform !== "win32") remove();
  let end = 0;
  return {
    append(bytes) {
      const at = end;
      try {
        for (let done = 0; done < bytes.length; )
          done += writeSync(file, bytes, done, bytes.length - done, at + done);
      } catch (error) {
        refused(error);
      }
      end += bytes.length;
      return at;
    },
    read(at, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) done += readSync(file, bytes, done, length - done, at + done);
      return bytes;
    },
    close() {
      closeSync(file);
      remove();
    },
  };
}
