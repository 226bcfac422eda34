/** @file A folder with config.json that belongs to one run: started fresh, or continued as it was configured. */
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InputError } from "../tensor/errors.ts";
import { writeWhole } from "./files.ts";

/**
 * Makes a folder a run's, or finds that it is this run's already.
 * @param changeable names in `config` that may have another value when resumed
 * @returns whether a run is there to be continued
 * @throws InputError if a run is there that would be overwritten, or the resumed one was configured differently
 */
export async function claimFolder(
  path: string,
  config: Readonly<Record<string, unknown>>,
  resume: boolean,
  changeable: readonly string[] = [],
): Promise<boolean> {
  const file = join(path, "config.json");
  const known = existsSync(file);
  if (known) {
    if (!resume) {
      throw new InputError(
        `${path}: a run is already there; continue it with --resume, or choose another --out`,
      );
    }
    checkSameConfig(file, config, changeable);
  }
  if (!known || changeable.length > 0) await writeWhole(file, `${JSON.stringify(config, null, 2)}\n`);
  for (const folder of [path, join(path, "model")]) removeTemporaries(folder);
  return known;
}

function checkSameConfig(
  file: string,
  config: Readonly<Record<string, unknown>>,
  changeable: readonly string[],
): void {
  const before = leaves(readConfig(file));
  const now = leaves(JSON.parse(JSON.stringify(config)));
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    if (changeable.includes(key) || isDeepStrictEqual(before.get(key), now.get(key))) continue;
    throw new InputError(
      `${file}: the run there has ${key} ${JSON.stringify(before.get(key))}, now it is ${JSON.stringify(now.get(key))}; ` +
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
