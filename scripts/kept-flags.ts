/** @file What kept runs are called by: the flags that differ from today's defaults, and the command that runs them again. */
import type * as z from "zod";
import { settingsOf } from "../src/cli/settings.ts";
import { headSetOptions } from "../src/heads/head-set.ts";
import { DRIFTS, HEADS } from "../src/heads/index.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { methodOptionsOn } from "../src/run/method-options.ts";
import { runOptionsSchema } from "../src/run/options.ts";
import { byName } from "../src/run/registry.ts";

const HALF_RATES = ["--first-bases-rate 0.001", "--bases-rate 0.0002", "--core-rate 0.005"];

/** Settings that many kept runs have, and what names call them. */
export const SETS: Readonly<Record<string, readonly string[]>> = {
  // fm-lora's defaults until cosine rows took their place
  "(linear rows)": [...HALF_RATES, "--rows linear", "--row-start zero", "--distillation 0"],
  // the same on domains, where rows are linear anyway; after the first, which has these flags as well
  "(half rates)": [...HALF_RATES, "--distillation 0"],
};

/** Flags with the first set that they hold in its place. */
function shortened(flags: readonly string[]): readonly string[] {
  const [found] = Object.entries(SETS).filter(([, set]) => set.every((flag) => flags.includes(flag)));
  if (found === undefined) return flags;
  const [name, set] = found;
  return [name, ...flags.filter((flag) => !set.includes(flag))];
}

type Values = Readonly<Record<string, unknown>>;

/** Flags that differ from the defaults, as a user types them. `usual`: the defaults, where they are not the schema's. */
export function flagsOf(schema: z.ZodObject, options: object, usual?: Values): string[] {
  const values = options as Values;
  const changed = settingsOf(schema).filter(({ name, standard }) => {
    const left = usual === undefined ? standard : usual[name];
    return (values[name] ?? undefined) !== undefined && JSON.stringify(values[name]) !== JSON.stringify(left);
  });
  return changed.map(({ flag, name }) => {
    const value = values[name];
    if (typeof value === "boolean") return value ? `--${flag}` : `--no-${flag}`;
    return `--${flag} ${Array.isArray(value) ? value.join(",") : value}`;
  });
}

/** Flags of the method's options that are not at their defaults. */
function methodFlags(config: Readonly<Record<string, unknown>>): string[] {
  const method = byName(REGISTRY, "methods", String(config.method));
  const { kind } = byName(REGISTRY, "benchmarks", String(config.benchmark));
  const usual = methodOptionsOn(kind, method, {}, "defaults");
  return flagsOf(method.options, config.methodOptions as Values, usual);
}

/** Flags of heads' options that are not at their defaults, and of another drift map than the method's. */
function headFlags(config: Readonly<Record<string, unknown>>): string[] {
  const { defaults } = byName(REGISTRY, "methods", String(config.method));
  const drift = config.drift === defaults.drift ? [] : [`--drift ${config.drift}`];
  return [...drift, ...headOptionFlags(config)];
}

function headOptionFlags({ headOptions }: Readonly<Record<string, unknown>>): string[] {
  const all = DRIFTS.flatMap((each) => flagsOf(headSetOptions(HEADS, each), headOptions as object));
  return [...new Set(all)];
}

/** What tells runs of one method apart: its own options, those of its heads, and the precision. */
export function changedFlags(config: Readonly<Record<string, unknown>>): readonly string[] {
  const precision = runOptionsSchema.pick({ precision: true, float32Parts: true });
  return shortened([...methodFlags(config), ...headFlags(config), ...flagsOf(precision, config)]);
}

/** The command line that gives this configuration: what was resolved is spelled out, what is the default left out. */
export function commandOf(config: Readonly<Record<string, unknown>>): string {
  const benchmark = byName(REGISTRY, "benchmarks", String(config.benchmark));
  const named = {
    ...config,
    features: config.features ?? "cls", // what runs had before there was a choice
    augmentation: typeof config.augmentation === "string" ? config.augmentation : undefined,
  };
  return [
    "fmlora run",
    config.benchmark,
    `--method ${config.method}`,
    ...flagsOf(runOptionsSchema, named),
    ...flagsOf(benchmark.options, config.benchmarkOptions as Record<string, unknown>),
    ...methodFlags(config),
    ...headOptionFlags(config),
  ].join(" ");
}
