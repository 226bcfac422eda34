/** @file `--plugin`: read before everything else, since it brings options of its own. */
import { parseArgs } from "node:util";
import { Option } from "@commander-js/extra-typings";
import type { Registry } from "../run/registry.ts";

/** What comes along, and the plugins that the arguments name; each is loaded when a command asks for it. */
export interface Registries {
  /** @throws InputError if a plugin can't be used */
  all(): Promise<Registry>;
  /** Without benchmarks. @throws InputError if a plugin can't be used */
  models(): Promise<Registry>;
}

/** The registries for these arguments. */
export function registriesFor(args: readonly string[]): Registries {
  const withNamed = async (registry: Registry): Promise<Registry> => {
    const modules = pluginsIn(args);
    if (modules.length === 0) return registry;
    const { loadPlugins } = await import("../node/runs/plugins.ts");
    const { withPlugins } = await import("../run/registry.ts");
    return withPlugins(registry, await loadPlugins(modules));
  };
  return {
    all: async () => withNamed((await import("../node/runs/registry.ts")).REGISTRY),
    models: async () => withNamed((await import("../node/runs/model-registry.ts")).MODEL_REGISTRY),
  };
}

function pluginsIn(args: readonly string[]): string[] {
  const plugin = { type: "string", multiple: true } as const;
  const { values } = parseArgs({ args: [...args], options: { plugin }, strict: false });
  // Without its module the flag is `true`, which the command itself refuses.
  return (values.plugin ?? []).filter((value) => typeof value === "string");
}

/** The option for a command's help; its modules are in the registry already. */
export const pluginOption = (what: string) =>
  new Option("--plugin <module>", `${what} of a file (./my-plugin.js) or an installed package; repeatable`);
