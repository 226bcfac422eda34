/** @file Which linear layers a method adapts. */
import * as z from "zod";
import type { VitConfig } from "../../nn/vit.ts";

const LAYERS = ["query", "key", "value", "output", "fc1", "fc2"] as const;

type Layer = (typeof LAYERS)[number];

/** Layers by name, these unless told otherwise. */
export const sitesOption = (chosen: [Layer, ...Layer[]]) =>
  z
    .array(z.enum(LAYERS))
    .nonempty()
    .refine((sites) => new Set(sites).size === sites.length, "names a layer twice")
    .default(chosen)
    .describe(`linear layers of every block with an update, of ${LAYERS.join(", ")}`);

/** The option most low-rank methods have. */
export const siteOptions = { sites: sitesOption(["query", "value"]) };

/** "blocks.0.query", "blocks.0.value", "blocks.1.query", ... */
export function adaptedSites({ layers }: Pick<VitConfig, "layers">, names: readonly string[]): string[] {
  return Array.from({ length: layers }, (_, block) => names.map((name) => `blocks.${block}.${name}`)).flat();
}
