/**
 * @file One process at a time has something: a file that only one can create, and that names its owner. Whoever finds
 * it looks whether the owner still lives; the file of a dead one is taken over.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  type Stats,
  utimesSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { InputError } from "../../tensor/errors.ts";
import { readTextSync } from "./read.ts";
import { putAllSync } from "./write.ts";

/** A lock of another machine, whose processes can't be looked at, is refreshed and holds for so long after that. */
const REFRESH = 20_000;
const STALE = 120_000;
/** A file that names nobody may be one that is being written right now: for so long nobody takes it. */
const YOUNG = 1000;
/** How long others are waited for who create or take over the lock in the same moment. */
const PATIENCE = 5000;
const LOOK = 20;
/** A process that was killed while it took a lock over leaves a lock of its own, and so on. */
const DEEPEST = 8;
const LARGEST = 4096;

/** Whose lock it is. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
}

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When the process began, where /proc tells: another one may have got the same number later. */
  birth: z.string().nullable(),
  /** Of this lock alone. */
  id: z.string().optional(),
});
type Found = z.output<typeof ownerSchema>;

/** A lock that this process has. */
export class Lock {
  readonly file: string;
  readonly #text: string;
  readonly #refresh: NodeJS.Timeout;

  constructor(file: string, text: string) {
    this.file = file;
    this.#text = text;
    this.#refresh = setInterval(() => this.#renew(), REFRESH).unref();
  }

  /**
   * Makes sure that nobody else has it, before something is written; a lock file that somebody removed is put back.
   * @throws InputError if another process has taken it, or its folder is gone
   */
  check(): void {
    if (this.#isOurs()) return;
    if (lstatSync(dirname(this.file), { throwIfNoEntry: false }) === undefined) {
      throw new InputError(
        `${dirname(this.file)}: the folder is gone, moved or removed while this process was at work there; put it back and continue with --resume`,
      );
    }
    let found: ReturnType<typeof look>;
    try {
      if (look(this.file) === "dead") remove(this.file); // something that is no lock
      if (create(this.file, this.#text)) return;
      found = look(this.file);
    } catch (error) {
      if (error instanceof InputError) throw error;
      return; // a disk that is full or read-only: the write that comes next tells it
    }
    const by = typeof found === "string" ? "another process" : `process ${found.pid} on ${found.host}`;
    throw new InputError(
      `${this.file}: was removed, and ${by} has taken its place; let one of the two end, and continue with --resume`,
    );
  }

  /** Lets others have it. */
  release(): void {
    clearInterval(this.#refresh);
    held.delete(resolve(this.file));
    try {
      if (this.#isOurs()) rmSync(this.file, { force: true });
    } catch {
      // The folder may have become read-only: whoever comes next sees that this process is gone.
    }
  }

  #isOurs(): boolean {
    try {
      return readText(this.file) === this.#text;
    } catch {
      return false;
    }
  }

  /** A sign of life for other machines. What goes wrong here is told by the next `check`, or by the next write. */
  #renew(): void {
    try {
      const now = new Date();
      if (this.#isOurs()) utimesSync(this.file, now, now);
    } catch {
      // See above.
    }
  }
}

/** Locks of this process: its own number alone can't tell an earlier process of that number. */
const held = new Map<string, Lock>();
let releasedAtExit = false;

/**
 * Takes a lock, or says who has it. The folder has to be there.
 * @throws InputError where something is in its place that can't be removed; the system's error if it can't be written
 */
export async function takeLock(file: string): Promise<Lock | Owner> {
  const start = performance.now();
  for (;;) {
    const taken = take(file, 0);
    if (taken !== "busy") return taken;
    if (performance.now() - start > PATIENCE) {
      throw new InputError(`${file}: is changed by other processes without end; end them, or remove it`);
    }
    await sleep(LOOK);
  }
}

function take(file: string, depth: number): Lock | Owner | "busy" {
  const text = JSON.stringify({ ...ownerOf(process.pid), id: randomUUID() });
  if (create(file, text)) return keep(new Lock(file, text));
  const found = look(file);
  if (found === "gone" || found === "young") return "busy";
  if (found !== "dead") return found;
  if (depth === DEEPEST) {
    throw new InputError(`${file}: is left from processes that were killed; remove it and its like`);
  }
  // Only who has this second lock removes the first one: nobody's new lock is taken for the old.
  const taking = take(`${file}.taking`, depth + 1);
  if (!(taking instanceof Lock)) return "busy";
  try {
    if (look(file) === "dead") remove(file);
  } finally {
    taking.release();
  }
  return "busy"; // whoever creates it first has it
}

function keep(lock: Lock): Lock {
  held.set(resolve(lock.file), lock);
  if (!releasedAtExit) {
    process.on("exit", () => {
      for (const each of held.values()) each.release();
    });
  }
  releasedAtExit = true;
  return lock;
}

/** False if it exists. */
function create(file: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    putAllSync(descriptor, new TextEncoder().encode(text));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
  // A process that was stopped in between for longer than others wait has written into a file that is gone.
  return readText(file) === text;
}

/** Who has the lock: a living owner, nobody ("dead"), nobody yet ("young"). */
function look(file: string): Found | "gone" | "dead" | "young" {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return "gone";
  const owner = stats.isFile() ? readOwner(file) : undefined;
  if (owner === undefined) return stats.isFile() && isRecent(stats, YOUNG) ? "young" : "dead";
  if (owner.host !== hostname()) return isRecent(stats, STALE) ? owner : "dead";
  if (owner.pid === process.pid) return held.has(resolve(file)) ? owner : "dead";
  return lives(owner.pid) && ownerOf(owner.pid).birth === owner.birth ? owner : "dead";
}

/** Neither older than that nor that far in the future: a clock that was set back must not lock for years. */
const isRecent = ({ mtimeMs }: Stats, milliseconds: number): boolean =>
  Math.abs(Date.now() - mtimeMs) < milliseconds;

function readOwner(file: string): Found | undefined {
  try {
    return ownerSchema.parse(JSON.parse(readText(file)));
  } catch {
    return undefined; // empty, cut off, something else
  }
}

const readText = (file: string): string => readTextSync(file, LARGEST);

/** Removes what names no living owner: a file, a link itself, an empty folder. */
function remove(file: string): void {
  if (lstatSync(file).isDirectory()) {
    try {
      rmdirSync(file); // earlier versions locked with folders
    } catch (error) {
      throw new InputError(`${file}: is a folder with something in it, in the place of a lock; remove it`, {
        cause: error,
      });
    }
  } else rmSync(file, { force: true });
}

const ownerOf = (pid: number): Found => ({ pid, host: hostname(), birth: birthOf(pid) });

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
