/** @file A benchmark's images from the Hugging Face Hub into the user's folder. */
import { link, mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Benchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { copyWhole, temporaryName } from "../files/write.ts";
import {
  type DownloadProgress,
  fetchRepoFile,
  type HubSettings,
  hubSettings,
  listRepoFiles,
} from "../hub/index.ts";

/** What a fetch has brought. */
export interface Fetched {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/**
 * Brings a benchmark's files from the Hub: downloaded into the Hub's cache (resumed and verified there), then linked, or
 * copied to another disk, to the same paths below `folder`. Each file appears whole or not at all.
 * @throws InputError if the benchmark isn't on the Hub (it says where it is), or the Hub or the folder can't be used
 */
export async function fetchBenchmark(
  { name, needs, source }: Pick<Benchmark, "name" | "needs" | "source">,
  folder: string,
  onProgress: (progress: DownloadProgress) => void = () => {},
  settings: HubSettings = hubSettings(),
): Promise<Fetched> {
  const { hub, home } = source;
  if (hub === null) {
    const place = home === null ? "nothing to fetch" : `not on the Hub; its owners have it at ${home}`;
    throw new InputError(`${name}: ${place}; it needs ${needs}`);
  }
  const repo = { repo: hub.repo, type: "dataset" } as const;
  const wanted = (await listRepoFiles(repo, settings)).filter(({ path }) => hub.files.test(path));
  if (wanted.length === 0) {
    throw new InputError(
      `${hub.repo}: the Hub's data set has no file ${hub.files.source} any more; get ${name} from ${home} (it needs ${needs})`,
    );
  }
  for (const { path } of wanted) {
    const cached = await fetchRepoFile({ ...repo, path, onProgress }, settings);
    await place(cached, join(folder, path));
  }
  return {
    files: wanted.map(({ path }) => path),
    bytes: wanted.reduce((sum, { size }) => sum + size, 0),
  };
}

/** Puts a file of the cache where it is wanted, without using its space twice where the disk is the same. */
async function place(cached: string, target: string): Promise<void> {
  const source = await realpath(cached);
  const [from, to] = [await stat(source), await stat(target).catch(() => undefined)];
  if (to !== undefined && to.ino === from.ino && to.dev === from.dev) return;
  const unfinished = temporaryName(target);
  try {
    await mkdir(dirname(target), { recursive: true });
    const linked = await link(source, unfinished).then(
      () => true,
      () => false, // another disk, or one without links
    );
    if (linked) await rename(unfinished, target);
    else await copyWhole(source, target);
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error;
    throw new InputError(
      `${target}: can't be written (${message}); choose another folder as --data, or make room`,
      { cause: error },
    );
  } finally {
    // Renaming a link onto another link of the same file leaves both.
    await rm(unfinished, { force: true }).catch(() => {});
  }
}
