/** @file Settings as an indented list, for the terminal. */
import { describe, type Setting, usage } from "./settings.ts";

/** One line a setting; "" for none. */
export function settingList(settings: readonly Setting[]): string {
  const width = Math.max(0, ...settings.map((setting) => usage(setting).length));
  return settings.map((setting) => `  ${usage(setting).padEnd(width)}  ${describe(setting)}\n`).join("");
}
