/** @file Finds a backbone: one that comes along, a folder, or one of the Hugging Face Hub. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backbone } from "../../nn/checkpoint.ts";
import { type HubName, hubNameOf } from "../../nn/hub-name.ts";
import { InputError } from "../../tensor/errors.ts";
import { readTextSync } from "../files/read.ts";
import { snapshotsOf } from "../hub/cache.ts";
import { type HubSettings, hubSettings } from "../hub/index.ts";
import { type BackboneFacts, describeBackbone, loadBackbone } from "./backbone.ts";
import { type BringListeners, fetchBackbone, mayBeBackbone } from "./hub-files.ts";

/** Backbones that come with the package. */
export const SHIPPED_BACKBONES = ["vit-tiny-patch8-64"] as const;

/** How a backbone is brought. */
export interface BringOptions extends BringListeners {
  /** Default: what the environment says. */
  readonly settings?: HubSettings | undefined;
}

/** How a backbone is opened. */
export interface FindOptions extends BringOptions {
  /** Overrides the checkpoint's input side in pixels. */
  readonly imageSize?: number | undefined;
  /** Leaves matrices in their file, as `loadBackbone` does. */
  readonly stored?: boolean;
}

/**
 * The backbone that comes along under that name, or lies in that folder, or is on the Hub as organization/name or
 * organization/name@revision. One of the Hub is downloaded once, and its `name` ends in its commit: whoever opens it
 * under that name gets the same weights, and needs no network.
 * @throws InputError if there is none, or its files contradict each other
 */
export async function findBackbone(
  name: string,
  { imageSize, stored = false, ...options }: FindOptions = {},
): Promise<Backbone> {
  const { folder, name: lasting } = await bring(name, options);
  return loadBackbone(folder, { name: lasting, imageSize, stored });
}

/** The folder with a backbone's files: for those of the Hub, in its cache. @throws InputError as `findBackbone` does */
export async function backboneFolder(name: string, options: BringOptions = {}): Promise<string> {
  return (await bring(name, options)).folder;
}

/** Downloads a backbone of the Hub, and returns a name under which it needs no network. Others keep theirs. */
export async function bringBackbone(name: string, options: BringOptions = {}): Promise<string> {
  return (await bring(name, options)).name;
}

async function bring(
  name: string,
  { settings, ...listeners }: BringOptions,
): Promise<{ name: string; folder: string }> {
  if (isShipped(name)) return { name, folder: shippedFolder(name) };
  if (existsSync(name)) return { name, folder: name };
  const { repo, revision } = hubName(name);
  try {
    const { folder, commit } = await fetchBackbone(repo, revision, listeners, settings);
    return { name: `${repo}@${commit}`, folder };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`--backbone ${name}: not a folder here; from the Hub: ${error.message}`, {
      cause: error,
    });
  }
}

/** Repository and revision. @throws InputError if it can't be one */
function hubName(name: string): HubName {
  const found = hubNameOf(name);
  if (found !== undefined) return found;
  throw new InputError(
    `--backbone ${name}: no such folder, and no shipped backbone of that name (${SHIPPED_BACKBONES.join(", ")}); one of the Hugging Face Hub is named organization/name`,
  );
}

/** A backbone that needs no download. */
export interface LocalBackbone {
  readonly name: string;
  readonly shipped: boolean;
  readonly facts: BackboneFacts;
  /** Of config, preprocessor and weights together. */
  readonly bytes: number;
  /** As the model card has it; undefined if there is none. */
  readonly license: string | undefined;
}

/** All that come along, and all in the Hub's cache that are complete and of a supported family. */
export function localBackbones(settings: HubSettings = hubSettings()): LocalBackbone[] {
  const shipped = SHIPPED_BACKBONES.map((name) => ({ name, folder: shippedFolder(name), shipped: true }));
  const cached = snapshotsOf("model", settings)
    .filter(({ folder }) => mayBeBackbone(folder))
    .map(({ name, folder }) => ({ name, folder, shipped: false }));
  return [...shipped, ...cached].flatMap(({ folder, ...one }) => {
    try {
      const facts = describeBackbone(folder);
      return [{ ...one, facts, bytes: bytesIn(folder), license: licenseOf(folder) }];
    } catch (error) {
      // The cache holds whatever other programs brought: most of it is no backbone.
      if (error instanceof InputError && !one.shipped) return [];
      throw error;
    }
  });
}

const isShipped = (name: string): boolean => (SHIPPED_BACKBONES as readonly string[]).includes(name);

const shippedFolder = (name: string): string =>
  fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));

function bytesIn(folder: string): number {
  const files = readdirSync(folder).filter((file) => /\.(json|safetensors)$/.test(file));
  return files.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}

/** "license:" in the first lines of README.md. */
function licenseOf(folder: string): string | undefined {
  const card = join(folder, "README.md");
  if (!existsSync(card)) return undefined;
  const [, head = ""] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readTextSync(card)) ?? [];
  return /^license:\s*["']?([\w.-]+)/m.exec(head)?.[1];
}
