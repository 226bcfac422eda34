/** @file The Hugging Face Hub: what a repository holds, and its files in the cache that Python's huggingface_hub shares. */
import { InputError } from "../../tensor/errors.ts";
import { CachedRepo, isCommit, type Repo } from "./cache.ts";
import { downloadBlob } from "./download.ts";
import { fileUrl, NoSuchFileError, request, UnreachableError, type Wanted } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

export { NoSuchFileError } from "./request.ts";
export { type HubSettings, hubSettings } from "./settings.ts";

/** Offline, and the cache doesn't have it. */
export class NotCachedError extends InputError {}

/** A repository at a revision: a branch, a tag or a commit. */
export interface RepoAt extends Repo {
  /** Default: "main". */
  readonly revision?: string | undefined;
}

/** A file of a repository. */
export interface RepoFile {
  /** With slashes, from the repository's root. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of large files (LFS), in hexadecimal digits. */
  readonly sha256?: string;
}

/** How far a download is. */
export interface DownloadProgress {
  readonly repo: string;
  /** Of the file in its repository. */
  readonly path: string;
  /** Bytes so far, those that an earlier, broken download left included. */
  readonly done: number;
  /** Bytes in all; undefined if the server doesn't say. */
  readonly total: number | undefined;
}

/** Which file, and who hears of its progress. */
export interface FetchRequest extends RepoAt {
  readonly path: string;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

/**
 * All files of a repository at a revision, from the Hub.
 * @throws InputError in one line if the Hub can't be reached, or has no such repository or revision
 */
export async function listRepoFiles(
  repoAt: RepoAt,
  settings: HubSettings = hubSettings(),
): Promise<RepoFile[]> {
  const wanted = checked(repoAt);
  if (settings.offline) throw notCached(wanted, `the list of files of ${wanted.repo}`, settings);
  const { listFiles } = await import("@huggingface/hub"); // 0.1 s that no other command pays
  const files: RepoFile[] = [];
  for await (const entry of listFiles({
    ...libraryOptions(wanted, settings),
    revision: encodeURIComponent(wanted.revision),
    recursive: true,
  })) {
    if (entry.type !== "file") continue;
    const { path, size, lfs } = entry;
    files.push({ path, size, ...(lfs === undefined ? {} : { sha256: lfs.oid }) });
  }
  return files;
}

/**
 * A file of a repository: its path in the cache, after a download if it isn't there. A commit that is cached costs no
 * request; a branch or tag costs one, which tells whether it has moved. Where the Hub can't be reached, a cached file
 * of that revision is given.
 * @throws NoSuchFileError if the revision has no such file
 * @throws InputError in one line for everything else that a user can mend
 */
export async function fetchRepoFile(
  { path, onProgress = () => {}, ...repoAt }: FetchRequest,
  settings: HubSettings = hubSettings(),
): Promise<string> {
  const wanted = checked({ ...repoAt, path });
  const { repo, revision } = wanted;
  const cached = new CachedRepo(wanted, settings);
  const found = await cached.find(revision, path);
  if (found !== undefined && (settings.offline || isCommit(revision))) return found;
  const known = isCommit(revision) || settings.offline ? await cached.commitOf(revision) : undefined;
  if (known !== undefined && cached.lacks(known, path)) {
    throw new NoSuchFileError(`${repo}: there is no file ${path} in revision "${revision}"`, known);
  }
  if (settings.offline) throw notCached(wanted, `${path} of ${repo}`, settings);
  let about: FileFacts;
  try {
    about = await factsOf(wanted, path, settings, found === undefined ? undefined : 1);
  } catch (error) {
    if (error instanceof UnreachableError && found !== undefined) return found;
    if (error instanceof NoSuchFileError && error.commit !== undefined) {
      await cached.rememberLack(error.commit, path);
      await cached.remember(revision, error.commit);
    }
    throw error;
  }
  const { commit, hash, size } = about;
  let pointer = await cached.find(commit, path);
  if (pointer === undefined) {
    const url = fileUrl(settings, { ...wanted, revision: commit }, path);
    const blob = cached.blob(hash);
    await downloadBlob({ url, wanted, hash, size, blob }, settings, (done, total) =>
      onProgress({ repo, path, done, total }),
    );
    pointer = await cached.link(hash, commit, path);
  }
  await cached.remember(revision, commit);
  return pointer;
}

interface FileFacts {
  readonly commit: string;
  readonly hash: string;
  readonly size: number | undefined;
}

/** Commit, hash and size, from one request without a body. */
async function factsOf(
  wanted: Wanted,
  path: string,
  settings: HubSettings,
  attempts: number | undefined,
): Promise<FileFacts> {
  const url = fileUrl(settings, wanted, path);
  const options = { method: "HEAD", stayOnHost: true, ...(attempts === undefined ? {} : { attempts }) };
  const { headers, status } = await request(url, wanted, settings, options);
  const commit = headers.get("x-repo-commit");
  if (commit === null || !isCommit(commit)) {
    throw new InputError(
      `${settings.endpoint} does not answer as a Hub does (no X-Repo-Commit for ${wanted.repo}/${path}); check HF_ENDPOINT, and proxies on the way`,
    );
  }
  const length = headers.get("x-linked-size") ?? (status < 300 ? headers.get("content-length") : null);
  const hash = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "")
    .replace(/^W\//, "")
    .replaceAll('"', "");
  return {
    commit,
    hash: isHash(hash) ? hash : await hashFromTree({ ...wanted, revision: commit }, path, settings),
    size: length === null ? undefined : Number(length),
  };
}

const isHash = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);

/** A proxy may have changed the ETag: the Hub's own interface tells the hash, too. */
async function hashFromTree(wanted: Wanted, path: string, settings: HubSettings): Promise<string> {
  const { pathsInfo } = await import("@huggingface/hub");
  const [entry] = await pathsInfo({ ...libraryOptions(wanted, settings), paths: [path] });
  const hash = entry?.lfs?.oid ?? entry?.oid ?? "";
  if (isHash(hash)) return hash;
  throw new InputError(
    `${wanted.repo}/${path}: ${settings.endpoint} tells no hash, so that the file cannot be verified; check HF_ENDPOINT`,
  );
}

/** The library's own handling of tokens and errors is left aside: `request` does both for all requests alike. */
function libraryOptions(wanted: Wanted, settings: HubSettings) {
  return {
    repo: { type: wanted.type, name: wanted.repo },
    revision: wanted.revision,
    hubUrl: settings.endpoint,
    fetch: ((url: string, init?: RequestInit) => request(url, wanted, settings, init)) as typeof fetch,
  };
}

/** With a revision, and nothing in its names that would leave the cache's folder. */
function checked({ repo, type, revision = "main", path }: RepoAt & { readonly path?: string }): Wanted {
  const part = /^[\w][\w.-]*$/;
  const parts = repo.split("/");
  if (parts.length > 2 || !parts.every((name) => part.test(name)) || /--|\.\./.test(repo)) {
    throw new InputError(`"${repo}" is no name of a ${type} on the Hub; expected organization/name`);
  }
  const wrong = (text: string): boolean =>
    /[\\:\0]/.test(text) || text.split("/").some((name) => ["", ".", ".."].includes(name));
  if (wrong(revision)) throw new InputError(`${repo}: "${revision}" is no name of a branch, tag or commit`);
  if (path !== undefined && wrong(path))
    throw new InputError(`${repo}: "${path}" is no path in a repository`);
  return { repo, type, revision, path };
}

function notCached({ type, repo, revision }: Wanted, what: string, { cache }: HubSettings): NotCachedError {
  const name = revision === "main" ? repo : `${repo}@${revision}`;
  const command =
    type === "model"
      ? `HF_HUB_OFFLINE=0 fmlora backbones fetch ${name}`
      : "the same command without HF_HUB_OFFLINE";
  return new NotCachedError(
    `${what} (revision "${revision}") is not in the cache ${cache}, and HF_HUB_OFFLINE forbids to fetch it; ${command} brings it`,
  );
}
