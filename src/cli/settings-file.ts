/** @file `--settings FILE`: what is in the file, as if it had been typed. */
import { existsSync } from "node:fs";
import { textOf } from "../grid/values.ts";
import { readTextSync } from "../node/files/read.ts";
import { InputError } from "../tensor/errors.ts";
import { parseSettings } from "../tuning/settings-file.ts";
import { camelCase } from "./settings.ts";

/**
 * The method and the settings of a file, these by commander's names.
 * @param method the one that was typed
 * @param known the names that a run has
 * @throws InputError if the file is none of settings, or of another method
 */
export function fromSettings(
  file: string,
  method: string | undefined,
  known: readonly string[],
): { readonly method: string | undefined; readonly typed: Readonly<Record<string, unknown>> } {
  if (!existsSync(file)) {
    throw new InputError(`--settings ${file}: no such file; fmlora tune writes one`);
  }
  const content = parseSettings(readTextSync(file), file);
  if (method !== undefined && content.method !== undefined && content.method !== method) {
    throw new InputError(
      `--settings ${file}: was chosen for method ${content.method}, not ${method}; leave --method out, or tune ${method}`,
    );
  }
  const unknown = Object.keys(content.settings).find((flag) => !known.includes(camelCase(flag)));
  if (unknown !== undefined) {
    throw new InputError(`--settings ${file}: there is no option "${unknown}"; docs/options.md lists them`);
  }
  const typed = Object.entries(content.settings).map(([flag, value]) => [
    camelCase(flag),
    typeof value === "boolean" ? value : textOf(value),
  ]);
  return { method: method ?? content.method, typed: Object.fromEntries(typed) };
}
