/** @file Which linear layers a method adapts. */
import * as z from "zod";
import type { VitConfig } from "../../nn/vit.ts";
import { InputError, optionText } from "../../tensor/errors.ts";

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

/** The options most low-rank methods have. */
export const siteOptions = {
  sites: sitesOption(["query", "value"]),
  adaptLast: z
    .number()
    .int()
    .positive()
    .optional()
    .describe(
      "adapt the last so many blocks only; what those before leave of an image is computed once a task (default: all)",
    ),
};

/**
 * "blocks.0.query", "blocks.0.value", "blocks.1.query", ...
 * @param last blocks; all if left out
 * @throws InputError for more blocks than there are
 */
export function adaptedSites(
  { layers }: Pick<VitConfig, "layers">,
  names: readonly string[],
  last = layers,
): string[] {
  requireBlocks("adaptLast", last, layers);
  const blocks = Array.from({ length: last }, (_, i) => layers - last + i);
  return blocks.flatMap((block) => names.map((name) => `blocks.${block}.${name}`));
}

/** @throws InputError if the option names more blocks than the backbone has */
export function requireBlocks(option: string, count: number, layers: number): void {
  if (count <= layers) return;
  throw new InputError(
    `${optionText(option, count)}: this backbone has ${layers} blocks; choose ${layers} or less`,
  );
}
