/** @file One blob into the cache: resumed where an earlier download broke, verified before it gets its name. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import lockfile from "proper-lockfile";
import { bytes } from "../../report/format.ts";
import { InputError } from "../../tensor/errors.ts";
import { inCache } from "./cache.ts";
import { ATTEMPTS, pause, request, UnreachableError, type Wanted } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** What is to be downloaded. */
export interface Download {
  readonly url: string;
  readonly wanted: Wanted;
  /** SHA-256 of the file, or SHA-1 of the git blob; the blob's name. */
  readonly hash: string;
  /** Bytes, where the server said. */
  readonly size: number | undefined;
  /** Place of the blob. */
  readonly blob: string;
}

/** Bytes so far, those of an earlier try included. */
export type Count = (done: number, total: number | undefined) => void;

/** Milliseconds between two looks at a file that another process downloads. */
const LOOK = 200;

/** Brings a blob, unless it is there already or another process brings it meanwhile. */
export async function downloadBlob(download: Download, settings: HubSettings, count: Count): Promise<void> {
  const { blob } = download;
  const incomplete = `${blob}.incomplete`;
  await inCache(blob, () => mkdir(dirname(blob), { recursive: true }));
  const release = await lockUnless(() => existsSync(blob), incomplete);
  if (release === undefined) return;
  try {
    await checkSpace(download, incomplete);
    const resumed = (await lengthOf(incomplete)) > 0;
    await fill(incomplete, download, settings, count);
    if (!(await isRight(incomplete, download))) {
      // What an earlier try left may be from elsewhere: once more from the start.
      if (resumed) await rm(incomplete, { force: true });
      if (resumed) await fill(incomplete, download, settings, count);
      if (!resumed || !(await isRight(incomplete, download))) {
        await rm(incomplete, { force: true });
        throw new InputError(
          `${nameOf(download)}: the downloaded bytes do not have the hash that the Hub announces (${download.hash.slice(0, 12)}…); try again, and if it stays so check the network and HF_ENDPOINT`,
        );
      }
    }
    await inCache(blob, () => rename(incomplete, blob));
  } finally {
    await release();
  }
}

/** The lock of a partial file, or undefined once `done`. It goes stale soon after its process has died. */
async function lockUnless(
  done: () => boolean,
  incomplete: string,
): Promise<(() => Promise<void>) | undefined> {
  while (!done()) {
    try {
      return await inCache(incomplete, () =>
        lockfile.lock(incomplete, { realpath: false, onCompromised: () => {} }),
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
      await sleep(LOOK);
    }
  }
  return undefined;
}

/** Adds to a partial file until it has all bytes; starts over where the server can't continue. */
async function fill(
  incomplete: string,
  download: Download,
  settings: HubSettings,
  count: Count,
): Promise<void> {
  const { size } = download;
  for (let attempt = 1; ; attempt++) {
    const before = await lengthOf(incomplete);
    if (before > 0 && before === size) return;
    const broken = await append(incomplete, before, download, settings, count);
    const after = await lengthOf(incomplete);
    if (broken === undefined && (size === undefined || after >= size)) return;
    if (after > before) attempt = 1; // a connection that breaks now and then still gets there
    if (attempt >= ATTEMPTS || broken instanceof UnreachableError) {
      if (after === 0 && broken instanceof Error) throw broken;
      const so = size === undefined ? bytes(after) : `${bytes(after)} of ${bytes(size)}`;
      const reason = broken instanceof Error ? broken.message : (broken ?? "too few bytes");
      throw new InputError(
        `${nameOf(download)}: the download broke after ${so}; the same command continues there: ${reason}`,
      );
    }
    await pause(attempt, settings);
  }
}

/** One request's bytes. Returns why it ended early, if it did. */
async function append(
  incomplete: string,
  from: number,
  { url, wanted, size }: Download,
  settings: HubSettings,
  count: Count,
): Promise<string | UnreachableError | undefined> {
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  let response: Response;
  try {
    response = await request(url, wanted, settings, { headers });
  } catch (error) {
    if (error instanceof UnreachableError) return error;
    throw error;
  }
  const continues =
    response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${from}-`) === true;
  if (response.status === 416 || (response.status === 206 && !continues)) {
    await response.body?.cancel();
    await rm(incomplete, { force: true });
    return "the server could not continue there";
  }
  let done = continues ? from : 0;
  const chunks = response.body!.getReader();
  const file = await inCache(incomplete, () => open(incomplete, continues ? "a" : "w"));
  let timer: NodeJS.Timeout | undefined;
  let stalled = false;
  try {
    for (;;) {
      count(done, size);
      clearTimeout(timer);
      timer = setTimeout(() => {
        stalled = true;
        void chunks.cancel();
      }, 1000 * settings.timeout);
      const { value } = await chunks.read();
      if (stalled) return `no byte for ${settings.timeout} s`;
      if (value === undefined) return undefined;
      await inCache(incomplete, () => file.appendFile(value));
      done += value.length;
    }
  } catch (error) {
    // undici's own errors; whatever writing the file threw is for the user.
    if (!(error instanceof TypeError)) throw error;
    return ((error.cause as Error | undefined) ?? error).message;
  } finally {
    clearTimeout(timer);
    await chunks.cancel().catch(() => {}); // it may be broken already
    await inCache(incomplete, () => file.close());
  }
}

/** Whether the file has the hash that its name will say. */
async function isRight(file: string, { hash, size }: Download): Promise<boolean> {
  const length = await lengthOf(file);
  if (size !== undefined && length !== size) return false;
  const digest = createHash(hash.length === 64 ? "sha256" : "sha1");
  if (hash.length === 40) digest.update(`blob ${length}\0`); // as git names its blobs
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return digest.digest("hex") === hash;
}

/** @throws InputError where the disk has less room than the file needs */
async function checkSpace(download: Download, incomplete: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(incomplete));
  const needed = (download.size ?? 0) - (await lengthOf(incomplete));
  if (needed > bavail * bsize) {
    throw new InputError(
      `${nameOf(download)}: needs ${bytes(needed)}, and ${dirname(incomplete)} has ${bytes(bavail * bsize)} left; free some space, or set HF_HOME to another folder`,
    );
  }
}

const nameOf = ({ wanted: { repo, path } }: Download): string => `${repo}/${path}`;

async function lengthOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    return 0;
  }
}
