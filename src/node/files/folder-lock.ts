/** @file One process at a time writes a folder: a lock that a killed process leaves behind stops nobody. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../tensor/errors.ts";
import { Lock, takeLock } from "./lock.ts";
import { explainWrites } from "./write-errors.ts";

/**
 * Locks a folder, and makes it if need be.
 * @param option what chooses another folder
 * @throws InputError if a living process has it, or it can't be written
 */
export async function lockFolder(path: string, option = "--out"): Promise<Lock> {
  const advice = (full: boolean): string =>
    full ? " and continue with --resume" : `; choose another ${option}`;
  const taken = await explainWrites(
    option === "--out" ? join(path, "config.json") : path,
    () => {
      mkdirSync(path, { recursive: true });
      return takeLock(join(path, ".lock"));
    },
    { advice },
  );
  if (taken instanceof Lock) return taken;
  throw new InputError(
    `${path}: process ${taken.pid} on ${taken.host} is at work there; wait until it ends, or choose another ${option}`,
  );
}
