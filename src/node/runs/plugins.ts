/** @file Plugins from files and packages, as `--plugin` names them. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import { checkedPlugin, type Plugin } from "../../run/plugin.ts";
import { InputError } from "../../tensor/errors.ts";

/**
 * Loads plugins: the default exports of modules. A plugin runs with all rights of the program.
 * @param modules each a path (of a file, or of a folder with a package), or the name of an installed package
 * @param from the folder that these are seen from
 * @throws InputError if one isn't there, fails as it is loaded, or isn't of a plugin's shape
 */
export async function loadPlugins(
  modules: readonly string[],
  from: string = process.cwd(),
): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  for (const name of modules) {
    const { default: value } = await imported(name, from);
    if (value === undefined) {
      throw new InputError(
        `plugin ${name}: has no default export; expected export default { methods: [...], benchmarks: [...] }`,
      );
    }
    const { methods, heads, benchmarks } = checkedPlugin(value, name);
    plugins.push({ name, methods, heads, benchmarks });
  }
  return plugins;
}

async function imported(name: string, from: string): Promise<{ readonly default?: unknown }> {
  const url = await urlOf(name, from);
  try {
    return await import(url);
  } catch (error) {
    throw new InputError(`plugin ${name}: fails as it is loaded: ${messageOf(error)}`, { cause: error });
  }
}

/** Where a module is: paths as require finds them (folders, too), packages as import does. */
async function urlOf(name: string, from: string): Promise<string> {
  const base = pathToFileURL(join(from, "plugin.js"));
  const isPath = isAbsolute(name) || /^\.\.?([\\/]|$)/.test(name);
  try {
    if (isPath) return pathToFileURL(createRequire(base).resolve(name)).href;
    const { resolve } = await import("import-meta-resolve"); // Node's own knows no parent without a flag
    return resolve(name, base.href);
  } catch (error) {
    const advice = existsSync(join(from, name)) ? `write ./${name} for the file` : "npm install it";
    throw new InputError(
      isPath
        ? `plugin ${name}: there is no such file in ${from}; expected a JavaScript module, or a folder with package.json`
        : `plugin ${name}: no package of that name is installed in ${from}; ${advice}`,
      { cause: error },
    );
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
