/** @file Files of a folder of a server, kept in the browser's cache once they are known to be right. */
import { InputError } from "../tensor/errors.ts";

/** How far a download is. */
export interface WebDownload {
  readonly url: string;
  readonly received: number;
  /** Bytes, if the server says how many; undefined while a server compresses. */
  readonly total: number | undefined;
}

/** Hears of a download. */
export type OnDownload = (download: WebDownload) => void;

/** The name of the cache. */
const CACHE = "fm-lora-backbones";

/** Brings a file of the folder, whole; undefined if there is none. @throws InputError for whatever else is wrong */
type BringFile = (file: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** The cache of all backbones. */
export const backboneCache = (): Promise<Cache> => caches.open(CACHE);

/** Files of one folder: from the cache, or brought. */
export class CachedFiles {
  /** URL, without a slash at its end. */
  readonly folder: string;
  readonly #cache: Cache;
  readonly #bring: BringFile;
  readonly #fetched = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(cache: Cache, folder: string, bring: BringFile) {
    this.#cache = cache;
    this.folder = folder;
    this.#bring = bring;
  }

  /** Whether there is such a file. @throws InputError for whatever else is wrong */
  async has(file: string): Promise<boolean> {
    return (await this.#read(file)) !== undefined;
  }

  /** @throws InputError if there is no such file */
  async bytes(file: string, expected: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#read(file);
    if (bytes !== undefined) return bytes;
    throw new InputError(`${this.folder}/${file}: the server has no such file; expected ${expected}`);
  }

  /** Puts what was fetched into the cache. */
  async keep(): Promise<void> {
    for (const [url, bytes] of this.#fetched) {
      try {
        await this.#cache.put(url, new Response(bytes));
      } catch {
        return; // without room it is fetched again the next time
      }
    }
  }

  async #read(file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const url = `${this.folder}/${file}`;
    const known = this.#fetched.get(url);
    if (known !== undefined) return known;
    const cached = await this.#cache.match(url);
    if (cached !== undefined) return new Uint8Array(await cached.arrayBuffer());
    const bytes = await this.#bring(file);
    if (bytes !== undefined) this.#fetched.set(url, bytes);
    return bytes;
  }
}

/** A file of an ordinary server. @returns undefined if there is none @throws InputError if the server says something else */
export async function download(
  url: string,
  onDownload: OnDownload | undefined,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const response = await fetch(url);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
    const encoded = response.headers.has("content-encoding");
    const total = encoded ? undefined : Number(response.headers.get("content-length")) || undefined;
    return await received(response.body!, (bytes) => onDownload?.({ url, received: bytes, total }));
  } catch (error) {
    throw new InputError(`${url}: can't be fetched (${(error as Error).message}); connect, or try again`, {
      cause: error,
    });
  }
}

/** All of a stream. @param onBytes hears how many bytes are there so far */
export async function received(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    bytes += part.value.length;
    onBytes(bytes);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
