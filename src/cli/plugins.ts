/** @file `--plugin`: read before everything else, since it brings options of its own. */
import { parseArgs } from "node:util";
import { Option } from "@commander-js/extra-typings";
import { loadPlugins } from "../node/runs/plugins.ts";
import { REGISTRY } from "../node/runs/registry.ts";
import { type Registry, withPlugins } from "../run/registry.ts";

/** What comes along, and the plugins that the arguments name. @throws InputError if one can't be used */
export async function registryFor(args: readonly string[]): Promise<Registry> {
  const plugin = { type: "string", multiple: true } as const;
  const { values } = parseArgs({ args: [...args], options: { plugin }, strict: false });
  // Without its module the flag is `true`, which the command itself refuses.
  const modules = (values.plugin ?? []).filter((value) => typeof value === "string");
  return withPlugins(REGISTRY, await loadPlugins(modules));
}

/** The option for a command's help; its modules are in the registry already. */
export const pluginOption = (what: string) =>
  new Option("--plugin <module>", `${what} of a file (./my-plugin.js) or an installed package; repeatable`);
