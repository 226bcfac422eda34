/** @file All flags of a run: those of every run, and those of the chosen method, heads and benchmark. */
import type { Option } from "@commander-js/extra-typings";
import { headSetOptions } from "../heads/head-set.ts";
import type { AnyMethod } from "../methods/index.ts";
import type { Benchmark } from "../run/benchmark.ts";
import { chosenHeads } from "../run/heads.ts";
import { methodOptionsOn } from "../run/method-options.ts";
import { type RunOptionsInput, runOptionsSchema } from "../run/options.ts";
import type { Registry } from "../run/registry.ts";
import {
  allSettings,
  benchmarkSettings,
  flagsOfAll,
  headSettings,
  methodSettings,
  type OwnSettings,
  RUN,
  refuseOthers,
} from "./owners.ts";
import { given, helpOptions, type Setting, settingsOf } from "./settings.ts";

const ofEveryRun: OwnSettings = { owner: RUN, settings: settingsOf(runOptionsSchema) };

type Typed = Readonly<Record<string, unknown>>;

/** For parsing: flags of all methods and benchmarks are read. */
export const runFlags = (registry: Registry): Option[] => flagsOfAll([ofEveryRun, ...allSettings(registry)]);

/** What the help adds for a benchmark and a method with its heads, where these are known names. */
export function runHelp(registry: Registry, benchmarkName: string | undefined, typed: Typed): Option[] {
  const { methods, benchmarks } = registry;
  const benchmark = benchmarks.filter(({ name }) => name === benchmarkName);
  const method = methods.find(({ name }) => name === typed.method);
  const parts = [
    { ...ofEveryRun, owner: "a run" },
    ...(benchmark.length === 0 ? benchmarks : benchmark).map(benchmarkSettings),
    ...(method === undefined ? headSettings(registry.heads) : [settingsHere(method), headsOf(method)]),
  ].filter(({ settings }) => settings.length > 0);

  /** Defaults are those of the benchmark's kind of stream. */
  function settingsHere(chosen: AnyMethod): OwnSettings {
    const { owner, settings } = methodSettings(chosen);
    const usual = methodOptionsOn(benchmark[0]?.kind ?? "class-incremental", chosen, {}, owner);
    return { owner, settings: settings.map((each) => ({ ...each, standard: usual[each.name] })) };
  }

  /** Those of `--heads` and `--drift`, or the method's own. */
  function headsOf(chosen: AnyMethod): OwnSettings {
    const { heads, drift } = given(ofEveryRun.settings, typed) as RunOptionsInput;
    const choice = chosenHeads(chosen, heads, drift, registry.heads);
    const owner = `heads ${choice.heads.map(({ name }) => name).join(", ")}`;
    return { owner, settings: settingsOf(headSetOptions(choice.heads, choice.drift)) };
  }
  return parts.flatMap(({ owner, settings }) => helpOptions(`Options of ${owner}:`, settings));
}

/** The seed that was typed. */
export const typedSeed = (typed: Typed): Pick<RunOptionsInput, "seed"> =>
  given(
    ofEveryRun.settings.filter(({ name }) => name === "seed"),
    typed,
  );

/** Values that were typed, by whose they are. */
export interface TypedRun {
  readonly options: RunOptionsInput;
  readonly methodOptions: Readonly<Record<string, unknown>>;
  readonly headOptions: Readonly<Record<string, unknown>>;
  readonly benchmarkOptions: Readonly<Record<string, unknown>>;
}

/** Reads what was typed. @throws InputError for a wrong value, and for a flag of another method or benchmark */
export function typedRun(
  method: AnyMethod,
  benchmark: Benchmark,
  typed: Typed,
  registry: Registry,
): TypedRun {
  const options: RunOptionsInput = given(ofEveryRun.settings, typed);
  const { heads, drift } = chosenHeads(method, options.heads, options.drift, registry.heads);
  const own = {
    method: methodSettings(method),
    heads: { owner: RUN, settings: settingsOf(headSetOptions(heads, drift)) },
    benchmark: benchmarkSettings(benchmark),
  };
  refuseOthers([ofEveryRun, own.method, own.heads, own.benchmark], allSettings(registry), typed);
  const values = ({ settings }: { readonly settings: readonly Setting[] }) => given(settings, typed);
  return {
    options,
    methodOptions: values(own.method),
    headOptions: values(own.heads),
    benchmarkOptions: values(own.benchmark),
  };
}
