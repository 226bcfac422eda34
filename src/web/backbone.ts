/** @file Backbones of a page: fetched once from a folder of a server, and kept in the browser's cache. */
import type { Backbone } from "../nn/checkpoint.ts";
import { backboneFrom } from "../nn/checkpoint-files.ts";
import { isTimmConfig } from "../nn/timm.ts";
import { InputError } from "../tensor/errors.ts";
import { requireSecureContext } from "./secure.ts";

/** Where a backbone is. */
export interface BackboneSource {
  /**
   * Folder with config.json, preprocessor_config.json and model.safetensors. What is fetched from it is kept: other
   * weights need another URL.
   */
  readonly url: string;
  /** As models name it, by which Node finds it; default: the last part of the URL. */
  readonly name?: string | undefined;
}

/** How far a download is. */
export interface WebDownload {
  readonly url: string;
  readonly received: number;
  /** Bytes, if the server says how many; undefined while a server compresses. */
  readonly total: number | undefined;
}

/** How a backbone is brought. */
export interface FetchBackboneOptions {
  /** Overrides the checkpoint's input side in pixels. */
  readonly imageSize?: number | undefined;
  readonly onDownload?: ((download: WebDownload) => void) | undefined;
}

const CACHE = "fm-lora-backbones";
const CONFIG = "config.json";
const PREPROCESSOR = "preprocessor_config.json";
/** Where transformers 5 has what was in the former. */
const PROCESSOR = "processor_config.json";
const WEIGHTS = "model.safetensors";

/** @throws InputError if a file can't be fetched, or the files contradict each other; nothing is kept then */
export async function fetchBackbone(
  source: string | BackboneSource,
  { imageSize, onDownload }: FetchBackboneOptions = {},
): Promise<Backbone> {
  requireSecureContext();
  const given = typeof source === "string" ? { url: source } : source;
  const folder = new URL(given.url, globalThis.location.href).href.replace(/\/+$/, "");
  const name = given.name ?? decodeURIComponent(folder.slice(folder.lastIndexOf("/") + 1));
  const files = new CachedFiles(await caches.open(CACHE), folder, onDownload);
  const json = await files.json(CONFIG);
  const preprocessor = isTimmConfig(json) ? undefined : await preprocessorOf(files);
  const weights = await files.bytes(WEIGHTS);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", weights));
  const backbone = backboneFrom(
    { json, preprocessor: () => preprocessor!, weights, folder },
    { name, imageSize, sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") },
  );
  await files.keep(); // they fit each other
  return backbone;
}

async function preprocessorOf(files: CachedFiles): Promise<readonly [json: unknown, file: string]> {
  if (await files.has(PREPROCESSOR)) return [await files.json(PREPROCESSOR), PREPROCESSOR];
  const { image_processor: inside } = ((await files.json(PROCESSOR)) ?? {}) as { image_processor?: unknown };
  return [inside, PROCESSOR];
}

/** Files of a folder: from the cache, or from the server, which are kept once all are known to be right. */
class CachedFiles {
  readonly #cache: Cache;
  readonly #folder: string;
  readonly #onDownload: FetchBackboneOptions["onDownload"];
  readonly #fetched = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(cache: Cache, folder: string, onDownload: FetchBackboneOptions["onDownload"]) {
    this.#cache = cache;
    this.#folder = folder;
    this.#onDownload = onDownload;
  }

  /** Whether the server has the file; whatever else is wrong is an error. */
  async has(file: string): Promise<boolean> {
    return (await this.#read(file)) !== undefined;
  }

  async bytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#read(file);
    if (bytes !== undefined) return bytes;
    throw new InputError(
      `${this.#folder}/${file}: the server has no such file; expected a folder with ${CONFIG}, ${PREPROCESSOR} and ${WEIGHTS}`,
    );
  }

  async json(file: string): Promise<unknown> {
    const text = new TextDecoder().decode(await this.bytes(file));
    try {
      return JSON.parse(text);
    } catch (error) {
      const page = /^\s*</.test(text) ? " but a page" : "";
      throw new InputError(
        `${this.#folder}/${file}: is no JSON${page} (${(error as Error).message}); check the backbone's URL`,
        { cause: error },
      );
    }
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
    const url = `${this.#folder}/${file}`;
    const known = this.#fetched.get(url);
    if (known !== undefined) return known;
    const cached = await this.#cache.match(url);
    if (cached !== undefined) return new Uint8Array(await cached.arrayBuffer());
    const bytes = await download(url, this.#onDownload);
    if (bytes !== undefined) this.#fetched.set(url, bytes);
    return bytes;
  }
}

/** @returns undefined if there is no such file @throws InputError if the server can't be reached, or says something else */
async function download(
  url: string,
  onDownload: FetchBackboneOptions["onDownload"],
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const response = await fetch(url);
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`the server answers ${response.status} ${response.statusText}`.trim());
    const encoded = response.headers.has("content-encoding");
    const total = encoded ? undefined : Number(response.headers.get("content-length")) || undefined;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let received = 0;
    const reader = response.body!.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      received += part.value.length;
      onDownload?.({ url, received, total });
    }
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  } catch (error) {
    throw new InputError(`${url}: can't be fetched (${(error as Error).message}); connect, or try again`, {
      cause: error,
    });
  }
}
