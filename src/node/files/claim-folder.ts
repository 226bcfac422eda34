/** @file A folder with config.json that belongs to one run: started fresh, or continued as it was configured. */
import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { InputError } from "../../tensor/errors.ts";
import { lockFolder } from "./folder-lock.ts";
import type { Lock } from "./lock.ts";
import { readTextSync } from "./read.ts";
import { isTemporary, writeWhole } from "./write.ts";
import { RUN_FILE } from "./write-errors.ts";

type Config = Readonly<Record<string, unknown>>;

/** What a resumed run may have that the first one had not. */
export interface ConfigRules {
  /** A configuration that an earlier version wrote, in today's form. */
  current?(before: Config): Config;
  /** Whether an option may have another value; a text is told to the user. */
  mayChange(name: string, before: unknown, now: unknown): boolean | string;
  /** What to say of a difference that isn't allowed, where the two values alone say too little or too much. */
  describe?(name: string, before: unknown, now: unknown): string | undefined;
}

/** A folder that is locked for one run. */
export interface Claim {
  /** Whether a run is there to be continued. */
  readonly known: boolean;
  readonly lock: Lock;
  /** Differences that are allowed, a line each. */
  readonly notices: readonly string[];
}

/** Where a run has one of these, something would be lost. */
const RESULTS = ["checkpoint.safetensors", "metrics.json", join("model", "model.safetensors")];

/** What runs and pre-trainings write. */
const FILES = [
  ...["config.json", "events.jsonl", "tasks.jsonl", "checkpoint.safetensors", "metrics.json", "report.html"],
  ...["profile.md", "profile.trace.json"],
  ...["config.json", "preprocessor_config.json", "model.safetensors", "model.json"].map((name) =>
    join("model", name),
  ),
];
const FOLDERS = ["model", "cache"];

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
  rules: ConfigRules,
): Promise<Claim> {
  const lock = await lockFolder(path);
  try {
    refuseStrange(path);
    const file = join(path, "config.json");
    const known = existsSync(file) && !failedEarly(path, file, own);
    if (known && !resume) {
      throw new InputError(
        `${path}: a run is already there; continue it with --resume, or choose another --out`,
      );
    }
    if (!known && !existsSync(file)) refuseOrphan(path);
    const notices = known ? differences(file, config, rules) : [];
    for (const folder of [path, join(path, "model")]) removeTemporaries(folder);
    await writeWhole(file, `${JSON.stringify(config, null, 2)}\n`, RUN_FILE);
    return { known, lock, notices };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Somebody may have prepared the folder: nothing outside of it is written through a link, and nothing waits for a pipe. */
function refuseStrange(path: string): void {
  for (const name of [...FOLDERS, ...FILES]) {
    const found = lstatSync(join(path, name), { throwIfNoEntry: false });
    if (found === undefined || (FOLDERS.includes(name) ? found.isDirectory() : found.isFile())) continue;
    const kind = found.isSymbolicLink() ? "a link" : found.isDirectory() ? "a folder" : "no regular file";
    throw new InputError(
      `${join(path, name)}: is ${kind}; a run writes files of its own only: remove it, or choose another --out`,
    );
  }
}

/** A run of ours that ended before it had anything to continue from: its folder is as good as empty. */
function failedEarly(path: string, file: string, own: readonly string[]): boolean {
  if (RESULTS.some((name) => existsSync(join(path, name)))) return false;
  const found = readConfig(file);
  return typeof found === "object" && found !== null && own.every((name) => Object.hasOwn(found, name));
}

/** Results without the configuration that they are of: nobody could continue them, and somebody may want them. */
function refuseOrphan(path: string): void {
  const result = RESULTS.find((name) => existsSync(join(path, name)));
  if (result === undefined) return;
  throw new InputError(
    `${path}: has ${result} and no config.json: a run's results, which would be overwritten; put config.json back, or choose another --out`,
  );
}

/** What differs and may, a line each. @throws InputError at the first difference that may not be */
function differences(
  file: string,
  config: Config,
  { current = (before) => before, mayChange, describe }: ConfigRules,
): string[] {
  const found = readConfig(file);
  const before = leaves(typeof found === "object" && found !== null ? current(found as Config) : found);
  const now = leaves(JSON.parse(JSON.stringify(config)));
  const notices: string[] = [];
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    const [old, given] = [before.get(key), now.get(key)];
    if (isDeepStrictEqual(old, given)) continue;
    const allowed = mayChange(key, old, given);
    if (typeof allowed === "string") notices.push(allowed);
    if (allowed !== false) continue;
    const what =
      describe?.(key, old, given) ??
      `the run there has ${key} ${JSON.stringify(old)}, now it is ${JSON.stringify(given)}; resume with the same options`;
    throw new InputError(`${file}: ${what}, or choose another --out`);
  }
  return notices;
}

function readConfig(file: string): unknown {
  try {
    return JSON.parse(readTextSync(file));
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

/** What a kill in the middle of a write leaves behind. */
function removeTemporaries(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (isTemporary(name) && /\.(safetensors|json|html|md)\./.test(name)) {
      rmSync(join(folder, name), { force: true });
    }
  }
}
