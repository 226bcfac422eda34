/** @file What comes along, by name; and what a run's folder says of the plugins it was made with. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { Registry } from "../../run/registry.ts";
import { benchmarks } from "../benchmarks/index.ts";
import { readTextSync } from "../files/read.ts";
import { MODEL_REGISTRY } from "./model-registry.ts";

/** All methods, heads and benchmarks that come along. */
export const REGISTRY: Registry = { ...MODEL_REGISTRY, benchmarks };

const withPluginNames = z.looseObject({ plugins: z.array(z.string()) });

/** Names of the plugins that the run in a folder was made with; none where there is no run. */
export function recordedPlugins(folder: string): readonly string[] {
  const file = join(folder, "config.json");
  if (!existsSync(file)) return [];
  try {
    return withPluginNames.parse(JSON.parse(readTextSync(file))).plugins;
  } catch {
    return []; // a damaged file is told where the run itself reads it
  }
}
