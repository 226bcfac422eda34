/** @file Brings the few files of a repository that a backbone needs. */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isTimmConfig } from "../../nn/timm.ts";
import { InputError } from "../../tensor/errors.ts";
import {
  type DownloadProgress,
  type FetchRequest,
  fetchRepoFile,
  type HubSettings,
  hubSettings,
  NoSuchFileError,
  NotCachedError,
  UnreachableError,
} from "../hub/index.ts";
import { CONFIG, checkConfig, PREPROCESSOR, PROCESSOR } from "./backbone.ts";
import { readJson, shardsOf, WEIGHTS, WEIGHTS_INDEX } from "./weight-files.ts";

/** A backbone in the Hub's cache. */
export interface CachedBackbone {
  /** Snapshot with all files. */
  readonly folder: string;
  /** The revision's commit: names the weights for good. */
  readonly commit: string;
}

/** Who hears of a repository being brought. */
export interface BringListeners {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Called once, before the Hub is asked anything, with its address. */
  readonly onRequest?: ((endpoint: string) => void) | undefined;
}

/**
 * Config, preprocessor and weights of a repository; an unsupported architecture is refused before weights are fetched.
 * What is cached is not fetched again: a branch costs one request, a commit none. Where the Hub can't be reached, what
 * is cached does, as offline.
 * @throws InputError in one line
 */
export async function fetchBackbone(
  repo: string,
  revision = "main",
  { onProgress, onRequest }: BringListeners = {},
  settings: HubSettings = hubSettings(),
): Promise<CachedBackbone> {
  let [asked, answered] = [false, false];
  let unreachable: UnreachableError | undefined;
  const fetch = async (path: string, at: string): Promise<string> => {
    const request: FetchRequest = {
      ...{ repo, type: "model", revision: at, path, onProgress },
      onRequest(endpoint) {
        if (!asked) onRequest?.(endpoint);
        asked = true;
      },
      onAnswer: () => {
        answered = true;
      },
      onUnreachable: (error) => {
        unreachable = error;
      },
    };
    try {
      // Who did not answer once is not asked for every file.
      return await fetchRepoFile(request, unreachable ? { ...settings, offline: true } : settings);
    } catch (error) {
      if (error instanceof UnreachableError) unreachable = error;
      throw error instanceof NotCachedError ? (unreachable ?? error) : error;
    }
  };
  const folder = dirname(await fetch(CONFIG, revision));
  const commit = basename(folder);
  /** Those of the files that the repository has, up to so many. */
  const present = async (paths: readonly string[], enough: number): Promise<string[]> => {
    const found: string[] = [];
    let unknown: InputError | undefined;
    for (const path of paths) {
      if (found.length === enough) break;
      try {
        await fetch(path, commit);
        found.push(path);
      } catch (error) {
        // Offline it isn't known whether the repository has the file: another one may do. So it is where nobody
        // answers: a cache that another program filled doesn't say what a repository lacks.
        const silent = error instanceof UnreachableError && !answered;
        if (error instanceof NotCachedError || silent) unknown ??= error as InputError;
        else if (!(error instanceof NoSuchFileError)) throw error;
      }
    }
    if (found.length === 0 && unknown !== undefined) throw unknown;
    return found;
  };
  // timm's config.json has what these say.
  if (
    !isTimmConfig(readJson(join(folder, CONFIG))) &&
    (await present([PREPROCESSOR, PROCESSOR], 2)).length === 0
  ) {
    throw new InputError(
      `${repo}: has neither ${PREPROCESSOR} nor ${PROCESSOR}, which say how to prepare images`,
    );
  }
  checkConfig(folder);
  const [weights] = await present([WEIGHTS, WEIGHTS_INDEX], 1);
  if (weights === undefined) {
    throw new InputError(
      `${repo}: has no ${WEIGHTS}; weights in other formats are not read: save the model anew with transformers or timm`,
    );
  }
  if (weights === WEIGHTS_INDEX) {
    for (const shard of shardsOf(join(folder, WEIGHTS_INDEX)).keys()) await fetch(shard, commit);
  }
  return { folder, commit };
}

/** Whether a snapshot has what a backbone needs. */
export const mayBeBackbone = (folder: string): boolean =>
  existsSync(join(folder, CONFIG)) &&
  [WEIGHTS, WEIGHTS_INDEX].some((weights) => existsSync(join(folder, weights)));
