/** @file The Hugging Face Hub: what a repository holds, and its files in the cache that Python's huggingface_hub shares. */
import { InputError } from "../../tensor/errors.ts";
import { pieces } from "./body.ts";
import { CachedRepo, isCommit, type Repo } from "./cache.ts";
import { downloadBlob } from "./download.ts";
import { fileUrl, NoSuchFileError, request, UnreachableError, type Wanted } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";

export { NoSuchFileError, UnreachableError } from "./request.ts";
export { type HubSettings, hubSettings, offline } from "./settings.ts";

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
  /** Called before the Hub is asked anything, with its address. */
  readonly onRequest?: ((endpoint: string) => void) | undefined;
  /** Called when the Hub has answered. */
  readonly onAnswer?: (() => void) | undefined;
  /** Called when the Hub can't be reached and a cached file is given instead. */
  readonly onUnreachable?: ((error: UnreachableError) => void) | undefined;
}

/** More files than any repository has, and bytes of one answer about them. */
const MOST_FILES = 1_000_000;
const MOST_PAGES = 2000;
const LARGEST_ANSWER = 2 ** 26;

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
  const listing = listFiles({
    ...libraryOptions(wanted, settings),
    revision: encodeURIComponent(wanted.revision),
    recursive: true,
  });
  return understood(wanted, settings, async () => {
    for await (const entry of listing) {
      if (files.length === MOST_FILES) throw new Error(`more than ${MOST_FILES} files`);
      if (entry.type !== "file") continue;
      const { path, size, lfs } = entry;
      if (typeof path !== "string" || !isSize(size)) throw new Error("a file without path or size");
      files.push({ path, size, ...(lfs === undefined ? {} : { sha256: lfs.oid }) });
    }
    return files;
  });
}

/**
 * A file of a repository: its path in the cache, after a download if it isn't there. A commit that is cached costs no
 * request; a branch or tag costs one, which tells whether it has moved. Where the Hub can't be reached, a cached file
 * of that revision is given.
 * @throws NoSuchFileError if the revision has no such file
 * @throws InputError in one line for everything else that a user can mend
 */
export async function fetchRepoFile(
  { path, onProgress = () => {}, onRequest, onAnswer, onUnreachable, ...repoAt }: FetchRequest,
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
  onRequest?.(settings.endpoint);
  let about: FileFacts;
  try {
    about = await factsOf(wanted, path, settings, found === undefined ? undefined : 1);
  } catch (error) {
    if (error instanceof UnreachableError && found !== undefined) {
      onUnreachable?.(error);
      return found;
    }
    if (!(error instanceof UnreachableError)) onAnswer?.();
    if (error instanceof NoSuchFileError && error.commit !== undefined) {
      await cached.rememberLack(error.commit, path);
      await cached.remember(revision, error.commit);
    }
    throw error;
  }
  onAnswer?.();
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
  readonly size: number;
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
  // A proxy that packs the file tells the size of the package.
  const plain = status < 300 && (headers.get("content-encoding") ?? "identity") === "identity";
  const told = headers.get("x-linked-size") ?? (plain ? headers.get("content-length") : null);
  const size = told === null || told === "" ? Number.NaN : Number(told);
  const hash = (headers.get("x-linked-etag") ?? headers.get("etag") ?? "")
    .replace(/^W\//, "")
    .replaceAll('"', "");
  if (isHash(hash) && isSize(size)) return { commit, hash, size };
  const tree = await factsFromTree({ ...wanted, revision: commit }, path, settings);
  return { commit, hash: isHash(hash) ? hash : tree.hash, size: isSize(size) ? size : tree.size };
}

const isHash = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
const isSize = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** A proxy may have changed the headers: the Hub's own interface tells hash and size, too. */
async function factsFromTree(
  wanted: Wanted,
  path: string,
  settings: HubSettings,
): Promise<Omit<FileFacts, "commit">> {
  const { pathsInfo } = await import("@huggingface/hub");
  const [entry] = await understood(wanted, settings, () =>
    pathsInfo({ ...libraryOptions(wanted, settings), paths: [path] }),
  );
  const hash = entry?.lfs?.oid ?? entry?.oid ?? "";
  const size = entry?.lfs?.size ?? entry?.size;
  if (isHash(hash) && isSize(size)) return { hash, size };
  throw new InputError(
    `${wanted.repo}/${path}: ${settings.endpoint} tells no hash or no size, so that the file cannot be verified; check HF_ENDPOINT`,
  );
}

/** What the library makes of answers. @throws InputError if they are none of a Hub */
async function understood<T>(
  { repo }: Wanted,
  { endpoint }: HubSettings,
  asking: () => Promise<T>,
): Promise<T> {
  try {
    return await asking();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${endpoint} does not answer as a Hub does (about ${repo}: ${(error as Error).message}); check HF_ENDPOINT, and proxies on the way`,
      { cause: error },
    );
  }
}

/** The library's own handling of tokens and errors is left aside: `request` does both for all requests alike. */
function libraryOptions(wanted: Wanted, settings: HubSettings) {
  let pages = 0;
  return {
    repo: { type: wanted.type, name: wanted.repo },
    revision: wanted.revision,
    hubUrl: settings.endpoint,
    fetch: (async (url: string, init?: RequestInit) => {
      if (++pages > MOST_PAGES) throw new Error(`more than ${MOST_PAGES} pages`);
      const response = await request(url, wanted, settings, init);
      const parts: Uint8Array[] = [];
      const limits = { most: LARGEST_ANSWER, name: `the answer about ${wanted.repo}`, ...settings };
      for await (const piece of pieces(response, limits)) parts.push(piece);
      return new Response(Buffer.concat(parts), { headers: plainHeaders(response) });
    }) as typeof fetch,
  };
}

/** The body is unpacked already. */
function plainHeaders({ headers }: Response): Headers {
  const plain = new Headers(headers);
  for (const name of ["content-encoding", "content-length"]) plain.delete(name);
  return plain;
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

function notCached(
  { type, repo, revision }: Wanted,
  what: string,
  { cache, offlineBy = "HF_HUB_OFFLINE" }: HubSettings,
): NotCachedError {
  const name = revision === "main" ? repo : `${repo}@${revision}`;
  const command =
    type === "model"
      ? `${offlineBy === "HF_HUB_OFFLINE" ? "HF_HUB_OFFLINE=0 " : ""}fmlora backbones fetch ${name}`
      : `the same command without ${offlineBy}`;
  return new NotCachedError(
    `${what} (revision "${revision}") is not in the cache ${cache}, and ${offlineBy} forbids to fetch it; ${command} brings it`,
  );
}
