/** @file Backbones of a page: fetched once from a server's folder or the Hub, and kept in the browser's cache. */
import type { CheckpointSource } from "../export/checkpoint.ts";
import { realFields } from "../export/json.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { backboneFrom, type CheckpointFiles, checkpointOf } from "../nn/checkpoint-files.ts";
import { isTimmConfig } from "../nn/timm.ts";
import { InputError } from "../tensor/errors.ts";
import { backboneCache, CachedFiles, download, type OnDownload, sha256 } from "./cached-files.ts";
import { type HubBackbone, type HubFiles, hubFiles } from "./hub-files.ts";
import { requireSecureContext } from "./secure.ts";

/** Where a backbone is. */
export interface BackboneUrl {
  /**
   * Folder with config.json, preprocessor_config.json and model.safetensors. What is fetched from it is kept: other
   * weights need another URL.
   */
  readonly url: string;
  /** As models name it, by which Node finds it; default: the last part of the URL. */
  readonly name?: string | undefined;
}

/** A folder of a server, or a repository of the Hugging Face Hub. */
export type BackboneSource = BackboneUrl | HubBackbone;

/** How a backbone is brought. */
export interface FetchBackboneOptions {
  /** Overrides the checkpoint's input side in pixels. */
  readonly imageSize?: number | undefined;
  readonly onDownload?: OnDownload | undefined;
}

const CONFIG = "config.json";
const PREPROCESSOR = "preprocessor_config.json";
/** Where transformers 5 has what was in the former. */
const PROCESSOR = "processor_config.json";
const WEIGHTS = "model.safetensors";
const EXPECTED = `a folder with ${CONFIG}, ${PREPROCESSOR} and ${WEIGHTS}`;

/**
 * @param source a folder's URL, or where it is in more words
 * @throws InputError if a file can't be fetched, or the files contradict each other; nothing is kept then
 */
export async function fetchBackbone(
  source: string | BackboneSource,
  { imageSize, onDownload }: FetchBackboneOptions = {},
): Promise<Backbone> {
  const { files, name } = await placeOf(source, onDownload);
  const read = await checkpointFiles(files);
  const backbone = backboneFrom(read, { name, imageSize, sha256: await sha256(read.weights) });
  await files.keep(); // they fit each other
  return backbone;
}

/** The files of such a backbone, for checkpoints that should look like them. @throws InputError as `fetchBackbone` does */
export async function fetchCheckpoint(
  source: string | BackboneSource,
  { imageSize, onDownload }: FetchBackboneOptions = {},
): Promise<CheckpointSource> {
  const { files } = await placeOf(source, onDownload);
  const read = await checkpointFiles(files);
  return {
    ...checkpointOf(read, imageSize),
    json: read.json as Record<string, unknown>,
    real: realFields(read.text),
  };
}

async function placeOf(
  source: string | BackboneSource,
  onDownload: OnDownload | undefined,
): Promise<HubFiles> {
  requireSecureContext();
  const given = typeof source === "string" ? { url: source } : source;
  if ("hub" in given) return hubFiles(given, onDownload);
  const folder = new URL(given.url, globalThis.location.href).href.replace(/\/+$/, "");
  const name = given.name ?? decodeURIComponent(folder.slice(folder.lastIndexOf("/") + 1));
  const bring = (file: string) => download(`${folder}/${file}`, onDownload);
  return { files: new CachedFiles(await backboneCache(), folder, bring), name };
}

interface FetchedFiles extends CheckpointFiles {
  /** config.json */
  readonly text: string;
  readonly weights: Uint8Array<ArrayBuffer>;
}

async function checkpointFiles(files: CachedFiles): Promise<FetchedFiles> {
  const text = await textOf(files, CONFIG);
  const json = parsed(text, files, CONFIG);
  const preprocessor = isTimmConfig(json) ? undefined : await preprocessorOf(files);
  const weights = await files.bytes(WEIGHTS, EXPECTED);
  return { text, json, preprocessor: () => preprocessor!, weights, folder: files.folder };
}

async function preprocessorOf(files: CachedFiles): Promise<readonly [json: unknown, file: string]> {
  if (await files.has(PREPROCESSOR)) {
    return [parsed(await textOf(files, PREPROCESSOR), files, PREPROCESSOR), PREPROCESSOR];
  }
  const json = parsed(await textOf(files, PROCESSOR), files, PROCESSOR) ?? {};
  return [(json as { image_processor?: unknown }).image_processor, PROCESSOR];
}

const textOf = async (files: CachedFiles, file: string): Promise<string> =>
  new TextDecoder().decode(await files.bytes(file, EXPECTED));

function parsed(text: string, { folder }: CachedFiles, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const page = /^\s*</.test(text) ? " but a page" : "";
    throw new InputError(
      `${folder}/${file}: is no JSON${page} (${(error as Error).message}); check the backbone's URL`,
      { cause: error },
    );
  }
}
