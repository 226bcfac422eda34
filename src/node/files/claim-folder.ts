/** @file A folder with config.json that belongs to one run: started fresh, or continued as it was configured. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InputError } from "../../tensor/errors.ts";
import { lockFolder } from "./folder-lock.ts";
import { writeWhole } from "./write.ts";

type Config = Readonly<Record<string, unknown>>;

/** Whether an option may have another value when a run is resumed. */
export type MayChange = (name: string, before: unknown, now: unknown) => boolean;

/** A folder that is locked for one run. */
export interface Claim {
  /** Whether a run is there to be continued. */
  readonly known: boolean;
  /** Lets others have the folder. */
  unlock(): void;
}

/** Where a run has one of these, something would be lost. */
const RESULTS = ["checkpoint.safetensors", "metrics.json", join("model", "model.safetensors")];

/**
 * Makes a folder a run's, or finds that it is this run's already, and locks it.
 * @param own names that a config.json of such runs has: one of another kind is never overwritten
 * @throws InputError if a run is there that would be overwritten, the resumed one was configured differently, or
 *   another process is at work there
 */
export async function claimFolder(
  path: string,
  config: Config,
  resume: boolean,
  own: readonly string[],
  mayChange: MayChange,
): Promise<Claim> {
  const unlock = await lockFolder(path);
  try {
    const file = join(path, "config.json");
    const known = existsSync(file) && !failedEarly(path, file, own);
    if (known && !resume) {
      throw new InputError(
        `${path}: a run is already there; continue it with --resume, or choose another --out`,
      );
    }
    if (known) checkSameConfig(file, config, mayChange);
    await writeWhole(file, `${JSON.stringify(config, null, 2)}\n`);
    for (const folder of [path, join(path, "model")]) removeTemporaries(folder);
    return { known, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A run of ours that ended before it had anything to continue from: its folder is as good as empty. */
function failedEarly(path: string, file: string, own: readonly string[]): boolean {
  if (RESULTS.some((name) => existsSync(join(path, name)))) return false;
  const found = readConfig(file);
  return typeof found === "object" && found !== null && own.every((name) => Object.hasOwn(found, name));
}

function checkSameConfig(file: string, config: Config, mayChange: MayChange): void {
  const before = leaves(readConfig(file));
  const now = leaves(JSON.parse(JSON.stringify(config)));
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const [old, given] = [before.get(key), now.get(key)];
    if (isDeepStrictEqual(old, given) || mayChange(key, old, given)) continue;
    throw new InputError(
      `${file}: the run there has ${key} ${JSON.stringify(old)}, now it is ${JSON.stringify(given)}; ` +
        "resume with the same options, or choose another --out",
    );
  }
}

function readConfig(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new InputError(
      `${file}: is damaged (${(error as Error).message}); start the run again in another --out`,
      {
        cause: error,
      },
    );
  }
}

/** Single options by dotted name, so that a message names one of them. */
function leaves(value: unknown, path: readonly string[] = []): Map<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return new Map([[path.join("."), value]]);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...leaves(inner, [...path, key])]));
}

/** What a kill in the middle of an atomic write leaves behind: NAME.EXT.<digits>. */
function removeTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (/\.(safetensors|json|html)\.\d+$/.test(name)) rmSync(join(folder, name), { force: true });
  }
}
