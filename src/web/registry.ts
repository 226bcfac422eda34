/** @file What a learner in a page chooses its method from: the others are loaded by whoever wants one of them. */
import { HEADS } from "../heads/index.ts";
import { fmLora } from "../methods/fm-lora/fm-lora.ts";
import type { Registry } from "../run/registry.ts";

/** With the method of that name, and all others where it is not fm-lora. */
export async function registryFor(method: string = fmLora.name): Promise<Registry> {
  const methods = method === fmLora.name ? [fmLora] : (await import("../methods/index.ts")).METHODS;
  return { methods, heads: HEADS, benchmarks: [], plugins: [] };
}
