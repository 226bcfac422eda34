/** @file Finds a backbone by name or folder. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Backbone } from "../nn/checkpoint.ts";
import { InputError } from "../tensor/errors.ts";
import { loadBackbone } from "./backbone.ts";

/** Backbones that come with the package. */
export const SHIPPED_BACKBONES = ["vit-tiny-patch8-64"] as const;

/**
 * The backbone of that name, or in that folder.
 * @throws InputError if there is neither
 */
export function findBackbone(nameOrFolder: string, imageSize?: number): Backbone {
  const options = imageSize === undefined ? { name: nameOrFolder } : { name: nameOrFolder, imageSize };
  if ((SHIPPED_BACKBONES as readonly string[]).includes(nameOrFolder)) {
    return loadBackbone(fileURLToPath(new URL(`../../models/${nameOrFolder}`, import.meta.url)), options);
  }
  if (!existsSync(nameOrFolder)) {
    throw new InputError(
      `--backbone ${nameOrFolder}: no such folder, and no shipped backbone of that name (${SHIPPED_BACKBONES.join(", ")})`,
    );
  }
  return loadBackbone(nameOrFolder, options);
}
