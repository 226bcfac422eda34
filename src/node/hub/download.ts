/** @file One blob into the cache: resumed where an earlier download broke, verified before it gets its name. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bytes } from "../../report/format.ts";
import { InputError } from "../../tensor/errors.ts";
import { Lock, type Owner, takeLock } from "../files/lock.ts";
import { putAll, syncFolder } from "../files/write.ts";
import { BrokenBodyError, pieces, TooLongError } from "./body.ts";
import { inCache } from "./cache.ts";
import { ATTEMPTS, pause, request, UnreachableError, type Wanted } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** What is to be downloaded. */
export interface Download {
  readonly url: string;
  readonly wanted: Wanted;
  /** SHA-256 of the file, or SHA-1 of the git blob; the blob's name. */
  readonly hash: string;
  /** Bytes: no more are taken. */
  readonly size: number;
  /** Place of the blob. */
  readonly blob: string;
}

/** Bytes so far, those of an earlier try included. */
export type Count = (done: number, total: number) => void;

/** Milliseconds between two looks at a file that another process downloads. */
const LOOK = 200;
/** A file that another process downloads and that has not grown for so many time limits is not waited for. */
const PATIENCE = 10;
/** A try that brought as much is no failed one, though it broke. */
const WORTHWHILE = 2 ** 15;

/** Brings a blob, unless it is there already or another process brings it meanwhile. */
export async function downloadBlob(download: Download, settings: HubSettings, count: Count): Promise<void> {
  const { blob } = download;
  const incomplete = `${blob}.incomplete`;
  await inCache(blob, () => mkdir(dirname(blob), { recursive: true }));
  const lock = await lockUnless(
    () => existsSync(blob),
    incomplete,
    settings,
    (done) => count(done, download.size),
  );
  if (lock === undefined) return;
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
    await inCache(blob, async () => {
      await rename(incomplete, blob);
      await syncFolder(dirname(blob));
    });
  } catch (error) {
    if (error instanceof TooLongError) await rm(incomplete, { force: true });
    throw error;
  } finally {
    lock.release();
  }
}

/** The lock of a partial file, or undefined once `done`. Whoever has it is waited for while the file grows. */
async function lockUnless(
  done: () => boolean,
  incomplete: string,
  { timeout }: HubSettings,
  grown: (length: number) => void,
): Promise<Lock | undefined> {
  let length = -1;
  let since = performance.now();
  while (!done()) {
    const taken = await inCache(incomplete, () => takeLock(`${incomplete}.lock`));
    if (taken instanceof Lock) {
      if (!done()) return taken;
      taken.release();
      return undefined;
    }
    const now = await lengthOf(incomplete);
    if (now !== length) [length, since] = [now, performance.now()];
    grown(length);
    if (performance.now() - since > 1000 * PATIENCE * timeout) throw stuck(incomplete, taken);
    await sleep(LOOK);
  }
  return undefined;
}

const stuck = (incomplete: string, { pid, host }: Owner): InputError =>
  new InputError(
    `${incomplete}: process ${pid} on ${host} has begun this download, and it no longer grows; end that process and try again`,
  );

/** Adds to a partial file until it has all bytes; starts over where the server can't continue. */
async function fill(
  incomplete: string,
  download: Download,
  settings: HubSettings,
  count: Count,
): Promise<void> {
  const { size } = download;
  let most = await lengthOf(incomplete);
  for (let attempt = 1; ; attempt++) {
    const before = await lengthOf(incomplete);
    if (before > 0 && before === size) return;
    if (before > size) await rm(incomplete, { force: true }); // of something else
    const broken = await append(incomplete, before > size ? 0 : before, download, settings, count);
    const after = await lengthOf(incomplete);
    if (broken === undefined && after >= size) return;
    // A connection that breaks now and then still gets there; one that begins again and again does not.
    if (after - most >= WORTHWHILE) [attempt, most] = [1, after];
    if (attempt >= ATTEMPTS || broken instanceof UnreachableError) {
      if (after === 0 && broken instanceof Error) throw broken;
      const reason = broken instanceof Error ? broken.message : (broken ?? "too few bytes");
      throw new InputError(
        `${nameOf(download)}: the download broke after ${bytes(after)} of ${bytes(size)}; the same command continues there: ${reason}`,
      );
    }
    await pause(attempt, settings);
  }
}

/** One request's bytes. Returns why it ended early, if it did. */
async function append(
  incomplete: string,
  from: number,
  download: Download,
  settings: HubSettings,
  count: Count,
): Promise<string | UnreachableError | undefined> {
  const { url, wanted, size } = download;
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
  let response: Response;
  try {
    response = await request(url, wanted, settings, { headers });
  } catch (error) {
    if (error instanceof UnreachableError) return error;
    throw error;
  }
  const { status } = response;
  const continues = status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${from}-`);
  if (status !== 200 && continues !== true) {
    await response.body?.cancel();
    if (status !== 416 && status !== 206) return `the server answered with HTTP ${status}, without the file`;
    await rm(incomplete, { force: true });
    return "the server could not continue there";
  }
  let done = continues === true ? from : 0;
  const file = await inCache(incomplete, () => open(incomplete, continues === true ? "a" : "w"));
  try {
    count(done, size);
    const limits = { most: size - done, name: nameOf(download), timeout: settings.timeout };
    for await (const piece of pieces(response, limits)) {
      await inCache(incomplete, () => putAll(file, piece, null));
      done += piece.length;
      count(done, size);
    }
    await inCache(incomplete, () => file.sync());
    return undefined;
  } catch (error) {
    if (error instanceof BrokenBodyError) return error.message;
    throw error;
  } finally {
    await closed(file, incomplete);
  }
}

const closed = (file: FileHandle, incomplete: string): Promise<void> =>
  inCache(incomplete, () => file.close());

/** Whether the file has the hash that its name will say. */
async function isRight(file: string, { hash, size }: Download): Promise<boolean> {
  const length = await lengthOf(file);
  if (length !== size) return false;
  const digest = createHash(hash.length === 64 ? "sha256" : "sha1");
  if (hash.length === 40) digest.update(`blob ${length}\0`); // as git names its blobs
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return digest.digest("hex") === hash;
}

/** @throws InputError where the disk has less room than the file needs */
async function checkSpace(download: Download, incomplete: string): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(incomplete));
  const needed = download.size - (await lengthOf(incomplete));
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
