/** @file Backbones of the Hugging Face Hub in a page, by name. */
import { hubNameOf } from "../nn/hub-name.ts";
import { InputError } from "../tensor/errors.ts";
import { backboneCache, CachedFiles, type OnDownload, received, sha256 } from "./cached-files.ts";

/** A backbone of the Hub. */
export interface HubBackbone {
  /** "organization/name" or "organization/name@revision"; default revision: main. */
  readonly hub: string;
  /** Default: https://huggingface.co */
  readonly endpoint?: string | undefined;
  /** Of a user who may read it, where not everybody may. Pages keep nothing secret: never put one into your program. */
  readonly token?: string | undefined;
}

/** Files of a repository at a commit. */
export interface HubFiles {
  readonly files: CachedFiles;
  /** As models name it: it ends in the commit, so that it stays the same weights. */
  readonly name: string;
}

const ENDPOINT = "https://huggingface.co";
const COMMIT = /^[0-9a-f]{40}$/;

/** What the Hub's answers mean, beyond the status. */
const REASONS: Readonly<Record<number, string>> = {
  401: "there is no such repository, or it wants a `token`",
  403: "the token's user has no access to it: ask for it on its page",
  404: "there is no such repository or revision",
};

/**
 * The files of a repository. A commit that is cached costs no request; a branch costs one, which tells whether it has
 * moved, and where the Hub can't be reached, what is cached does.
 * @throws InputError in one line if it isn't there, or the Hub can't be reached
 */
export async function hubFiles(source: HubBackbone, onDownload: OnDownload | undefined): Promise<HubFiles> {
  const { hub, token, endpoint = ENDPOINT } = source;
  const found = hubNameOf(hub);
  if (found === undefined) {
    throw new InputError(`"${hub}" is no name on the Hub; expected organization/name`);
  }
  const { repo, revision = "main" } = found;
  const hubUrl = endpoint.replace(/\/+$/, "");
  const access = { hubUrl, ...(token === undefined ? {} : { accessToken: token }) };
  const library = await import("@huggingface/hub"); // only whoever asks the Hub loads it
  const cache = await backboneCache();
  const known = `${hubUrl}/api/models/${repo}/revision/${encodeURIComponent(revision)}`;

  async function commitOf(): Promise<string> {
    if (COMMIT.test(revision)) return revision;
    try {
      const { sha } = await library.modelInfo({ name: repo, revision, additionalFields: ["sha"], ...access });
      if (!COMMIT.test(sha)) throw new Error("its answer names no commit");
      await cache.put(known, new Response(sha)).catch(() => {}); // without room it is asked again
      return sha;
    } catch (error) {
      const cached = statusOf(error) === undefined ? await cache.match(known) : undefined;
      if (cached !== undefined) return cached.text();
      throw failure(error, repo, hubUrl);
    }
  }

  const commit = await commitOf();
  const folder = `${hubUrl}/${repo}/resolve/${commit}`;
  const bring = async (file: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const wanted = { repo: { type: "model" as const, name: repo }, path: file, revision: commit, ...access };
    try {
      const [entry] = await library.pathsInfo({ ...wanted, paths: [file] });
      if (entry === undefined) return undefined;
      const blob = await library.downloadFile({ ...wanted, xet: false });
      const bytes = await received(blob!.stream(), (count) =>
        onDownload?.({ url: `${folder}/${file}`, received: count, total: entry.size }),
      );
      const expected = entry.lfs?.oid;
      if (bytes.length !== entry.size || (expected !== undefined && (await sha256(bytes)) !== expected)) {
        throw new Error(`${file} came damaged`);
      }
      return bytes;
    } catch (error) {
      throw failure(error, repo, hubUrl);
    }
  };
  return { files: new CachedFiles(cache, folder, bring), name: `${repo}@${commit}` };
}

/** Of an answer of the Hub; undefined where there was none. */
const statusOf = (error: unknown): number | undefined =>
  (error as { readonly statusCode?: number }).statusCode;

function failure(error: unknown, repo: string, endpoint: string): InputError {
  const status = statusOf(error);
  const { message } = error as Error;
  const why =
    status === undefined
      ? `${message}; connect, or try again`
      : (REASONS[status] ?? `it answers ${status}; try again later`);
  return new InputError(`${repo}: from the Hub at ${endpoint}: ${why}`, { cause: error });
}
