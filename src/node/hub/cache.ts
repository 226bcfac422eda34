/** @file The cache's layout, as Python's huggingface_hub has it: blobs by hash, snapshots by commit, refs by name. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { readTextSync } from "../files/read.ts";
import { copyWhole, temporaryName, writeWhole } from "../files/write.ts";
import { explainWrites, type Written } from "../files/write-errors.ts";
import type { HubSettings } from "./settings.ts";

/** A repository of the Hub. */
export interface Repo {
  /** "org/name", or "name" alone for the oldest. */
  readonly repo: string;
  readonly type: "model" | "dataset";
}

const COMMIT = /^[0-9a-f]{40}$/;
/** A commit, and perhaps a line end. */
const LARGEST_REF = 1024;

/** Whether a revision is a full commit, which never changes. */
export const isCommit = (revision: string): boolean => COMMIT.test(revision);

/** One repository's folder in the cache. */
export class CachedRepo {
  readonly folder: string;
  readonly #symlinks: boolean;

  constructor({ repo, type }: Repo, { cache, symlinks }: Pick<HubSettings, "cache" | "symlinks">) {
    this.folder = join(cache, `${type}s--${repo.replaceAll("/", "--")}`);
    this.#symlinks = symlinks;
  }

  /** Where a file of a commit is found. */
  pointer(commit: string, path: string): string {
    return join(this.folder, "snapshots", commit, ...path.split("/"));
  }

  blob(hash: string): string {
    return join(this.folder, "blobs", hash);
  }

  /** A cached file of a revision; undefined if the cache has none. */
  async find(revision: string, path: string): Promise<string | undefined> {
    const commit = await this.commitOf(revision);
    if (commit === undefined) return undefined;
    const pointer = this.pointer(commit, path);
    return existsSync(pointer) ? pointer : undefined;
  }

  /** Commit that a branch or tag was at when last asked; a commit itself. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    try {
      const commit = readTextSync(this.#ref(revision), LARGEST_REF).trim();
      return isCommit(commit) ? commit : undefined;
    } catch {
      return undefined;
    }
  }

  /** Remembers where a branch or tag is; unchanged ones are not written, so that a read-only cache serves. */
  async remember(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    await writeWhole(this.#ref(revision), commit, HUB_CACHE);
  }

  /** Whether it is known that a commit has no such file. */
  lacks(commit: string, path: string): boolean {
    return existsSync(join(this.folder, ".no_exist", commit, ...path.split("/")));
  }

  /** Remembers that a commit has no such file: nobody has to ask again. */
  async rememberLack(commit: string, path: string): Promise<void> {
    await writeWhole(join(this.folder, ".no_exist", commit, ...path.split("/")), "", HUB_CACHE);
  }

  /** Gives a blob its name in a snapshot: a relative link, so that the cache can move, or a copy. */
  async link(hash: string, commit: string, path: string): Promise<string> {
    const pointer = this.pointer(commit, path);
    const blob = this.blob(hash);
    if (!(this.#symlinks && (await linked(relative(dirname(pointer), blob), pointer)))) {
      await copyWhole(blob, pointer, HUB_CACHE);
    }
    return pointer;
  }

  #ref(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }
}

/** Makes a link beside its place and moves it there. False where the system makes none. */
function linked(target: string, link: string): Promise<boolean> {
  const temporary = temporaryName(link);
  return inCache(link, async () => {
    await mkdir(dirname(link), { recursive: true });
    try {
      await symlink(target, temporary);
      await rename(temporary, link);
      return true;
    } catch (error) {
      // Windows without developer mode, and file systems such as exFAT.
      if (["EPERM", "ENOSYS", "ENOTSUP", "EINVAL"].includes((error as NodeJS.ErrnoException).code!))
        return false;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

const HUB_CACHE: Written = { what: "the Hub's cache", advice: () => ", or set HF_HOME to another folder" };

/** Turns a system error of writing `file` into one line. */
export const inCache = <T>(file: string, action: () => T | Promise<T>): Promise<T> =>
  explainWrites(file, action, HUB_CACHE);

/** A commit of a repository in the cache. */
export interface Snapshot {
  /** "org/name", with "@revision" unless that is main. */
  readonly name: string;
  readonly folder: string;
}

/** All snapshots in the cache, sorted by name; files may be missing in them. */
export function snapshotsOf(type: Repo["type"], { cache }: Pick<HubSettings, "cache">): Snapshot[] {
  const prefix = `${type}s--`;
  return namesIn(cache)
    .filter((folder) => folder.startsWith(prefix))
    .flatMap((folder) => {
      const repo = folder.slice(prefix.length).replaceAll("--", "/");
      const refs = new Map(
        namesIn(join(cache, folder, "refs"), true).flatMap((ref): [string, string][] => {
          const file = join(cache, folder, "refs", ref);
          return statSync(file).isFile() ? [[readTextSync(file, LARGEST_REF).trim(), ref]] : [];
        }),
      );
      return namesIn(join(cache, folder, "snapshots")).map((commit) => {
        const revision = refs.get(commit) ?? commit;
        const name = revision === "main" ? repo : `${repo}@${revision}`;
        return { name, folder: join(cache, folder, "snapshots", commit) };
      });
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Names in a folder; none if there is no such folder. */
function namesIn(folder: string, recursive = false): string[] {
  try {
    return readdirSync(folder, { recursive, encoding: "utf8" });
  } catch {
    return [];
  }
}
