/** @file One process at a time writes a folder: a lock that a killed process leaves behind stops nobody. */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import lockfile from "proper-lockfile";
import { InputError } from "../../tensor/errors.ts";
import { explainWrites } from "./write.ts";

/** A lock of another machine, whose processes can't be looked at, is refreshed and holds for so long after that. */
const REFRESH = 20_000;
const STALE = 120_000;
/** How often and how long others are waited for who look at the lock in the same moment, or died doing it. */
const LOOKS = { retries: 100, minTimeout: 20, maxTimeout: 100 };

/** Whose lock it is. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, where /proc tells: another one may have got the same number later. */
  readonly birth: string | null;
}

/** Folders that this process has locked: its own number alone can't tell an earlier process of that number. */
const held = new Set<string>();

/**
 * Locks a folder, and makes it if need be.
 * @param option what chooses another folder
 * @returns what unlocks it
 * @throws InputError if a living process has it, or it can't be written
 */
export async function lockFolder(path: string, option = "--out"): Promise<() => void> {
  const file = join(path, ".lock");
  const advice = (full: boolean): string =>
    full ? " and continue with --resume" : `; choose another ${option}`;
  const take = (): Promise<() => Promise<void>> => {
    mkdirSync(path, { recursive: true });
    return lockfile.lock(path, {
      lockfilePath: join(path, ".lock.taking"),
      realpath: false,
      stale: 5000,
      retries: LOOKS,
      onCompromised: () => {}, // it is held for milliseconds
    });
  };
  const release = await explainWrites(option === "--out" ? join(path, "config.json") : path, take, {
    advice,
  });
  try {
    const owner = livingOwner(file);
    if (owner !== undefined) {
      throw new InputError(
        `${path}: process ${owner.pid} on ${owner.host} is at work there; wait until it ends, or choose another ${option}`,
      );
    }
    await explainWrites(file, () => writeFileSync(file, JSON.stringify(ownerOf(process.pid))), { advice });
  } finally {
    await release();
  }
  const whole = resolve(path);
  held.add(whole);
  const refresh = setInterval(() => {
    const now = new Date();
    utimesSync(file, now, now);
  }, REFRESH).unref();
  return () => {
    clearInterval(refresh);
    held.delete(whole);
    rmSync(file, { force: true });
  };
}

/** Who has the lock, if that process still lives. */
function livingOwner(file: string): Owner | undefined {
  const owner = readOwner(file);
  if (owner === undefined) return undefined;
  if (owner.host !== hostname()) {
    return Date.now() - statSync(file).mtimeMs < STALE ? owner : undefined;
  }
  if (owner.pid === process.pid) return held.has(resolve(file, "..")) ? owner : undefined;
  return lives(owner.pid) && ownerOf(owner.pid).birth === owner.birth ? owner : undefined;
}

/** A kill between creating and writing it leaves an empty file, which is nobody's. */
function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

const ownerOf = (pid: number): Owner => ({ pid, host: hostname(), birth: birthOf(pid) });

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // another user's
  }
}

/** The start time in /proc/<pid>/stat; null without /proc, and for a process that is dead but not yet waited for. */
function birthOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // from the state on: the name may have spaces
    return fields[0] === "Z" ? null : fields[19]!;
  } catch {
    return null;
  }
}
