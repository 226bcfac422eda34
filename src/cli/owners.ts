/** @file Options that belong to one method, head or benchmark: all are read, those of others are refused. */
import type { Option } from "@commander-js/extra-typings";
import type * as z from "zod";
import { SHARED_OPTIONS } from "../heads/head-set.ts";
import { DRIFTS } from "../heads/index.ts";
import type { Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { camelCase, parserOptions, type Setting, settingsOf } from "./settings.ts";

/** Options and whose they are: "method ncm". */
export interface OwnSettings {
  readonly owner: string;
  readonly settings: readonly Setting[];
}

type Owner = { readonly name: string; readonly options: z.ZodObject };

/** "method ncm" with its options. */
export const methodSettings = ({ name, options }: Owner): OwnSettings => ({
  owner: `method ${name}`,
  settings: settingsOf(options),
});

/** "benchmark emoji" with its options. */
export const benchmarkSettings = ({ name, options }: Owner): OwnSettings => ({
  owner: `benchmark ${name}`,
  settings: settingsOf(options),
});

/** Options of heads, of drift maps, and of what these share. */
export const headSettings = (heads: Registry["heads"]): OwnSettings[] => [
  ...Object.entries(SHARED_OPTIONS).map(([owner, options]) => ({ owner, settings: settingsOf(options) })),
  ...[
    ...heads.map(({ name, options }) => ({ owner: `head ${name}`, settings: settingsOf(options) })),
    ...DRIFTS.map(({ name, options }) => ({ owner: `drift ${name}`, settings: settingsOf(options) })),
  ].filter(({ settings }) => settings.length > 0),
];

/** The options of everything in a registry. */
export const allSettings = ({
  methods,
  heads,
  benchmarks,
}: Pick<Registry, "methods" | "heads" | "benchmarks">): OwnSettings[] => [
  ...methods.map(methodSettings),
  ...headSettings(heads),
  ...benchmarks.map(benchmarkSettings),
];

/**
 * One option for parsing a flag, however many have it.
 * @throws InputError if it takes a value with one owner and none with another
 */
export function flagsOfAll(all: readonly OwnSettings[]): Option[] {
  const first = new Map<string, { readonly owner: string; readonly setting: Setting }>();
  for (const { owner, settings } of all) {
    for (const setting of settings) {
      const other = first.get(setting.flag);
      if (other !== undefined && (other.setting.kind === "boolean") !== (setting.kind === "boolean")) {
        throw new InputError(
          `--${setting.flag} takes a value with only one of ${other.owner} and ${owner}; rename the option of one`,
        );
      }
      if (other === undefined) first.set(setting.flag, { owner, setting });
    }
  }
  return parserOptions([...first.values()].map(({ setting }) => setting));
}

/** @throws InputError at a flag that belongs to another method or benchmark only */
export function refuseOthers(
  chosen: readonly OwnSettings[],
  all: readonly OwnSettings[],
  typed: Readonly<Record<string, unknown>>,
): void {
  const known = new Set(chosen.flatMap(({ settings }) => settings.map(({ flag }) => flag)));
  const has = (flag: string, { settings }: OwnSettings): boolean =>
    settings.some((setting) => setting.flag === flag);
  for (const { flag } of all.flatMap(({ settings }) => settings)) {
    if (typed[camelCase(flag)] === undefined || known.has(flag)) continue;
    const owners = all.filter((each) => has(flag, each)).map(({ owner }) => owner);
    const others = chosen.map(({ owner }) => owner).filter((owner) => owner !== RUN);
    const lack = others.length === 1 ? "doesn't have it" : "don't have it";
    throw new InputError(`--${flag} is an option of ${owners.join(", ")}; ${others.join(" and ")} ${lack}`);
  }
}

/** Owner of the options that every run has. */
export const RUN = "run";
