/** @file What a program asks for when it runs a benchmark, and the parts that this names. */
import { join } from "node:path";
import type { AnyHead } from "../../heads/index.ts";
import type { AnyMethod } from "../../methods/index.ts";
import type { Benchmark } from "../../run/benchmark.ts";
import { type RunOptionsInput, runOptionsSchema } from "../../run/options.ts";
import { chosen, type Registry, withPlugins } from "../../run/registry.ts";
import type { RunEvent } from "../../train/events.ts";
import { REGISTRY, recordedPlugins } from "./registry.ts";

/** What to run: the options of a run beside what they are options of, as on the command line. */
export interface RunRequest extends Omit<RunOptionsInput, "heads"> {
  /** A name in the registry, or a benchmark itself. */
  readonly benchmark: string | Benchmark;
  /** A name in the registry, or a method itself; default "fm-lora". */
  readonly method?: string | AnyMethod | undefined;
  /** Names in the registry or heads themselves, the first is reported; default: the method's own choice. */
  readonly heads?: readonly (string | AnyHead)[] | undefined;
  readonly methodOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Of the chosen heads, of what they share, and of the drift map. */
  readonly headOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly benchmarkOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Folder of the run; default runs/<benchmark>-<method>-seed<seed>. */
  readonly out?: string | undefined;
  /** Continues the run in that folder where it stopped. */
  readonly resume?: boolean | undefined;
  /** Writes profile.trace.json and profile.md: where the time went. */
  readonly profile?: boolean | undefined;
  /** Hears every event. */
  readonly listen?: ((event: RunEvent) => void) | undefined;
  /** Stops the run, which can be resumed. */
  readonly signal?: AbortSignal | undefined;
  /** Where names are looked up; default: what comes along. */
  readonly registry?: Registry | undefined;
}

/** Which parts a run is made of, and where it goes. */
export interface ResolvedRun {
  readonly benchmark: Benchmark;
  readonly method: AnyMethod;
  readonly out: string;
}

/** The method where none is named. */
export const DEFAULT_METHOD = "fm-lora";

/** Looks names up. @throws InputError listing the names there are, and the plugins of a run that is to be resumed */
export function resolveRun({
  benchmark,
  method = DEFAULT_METHOD,
  seed = runOptionsSchema.shape.seed.parse(undefined),
  out = join("runs", `${nameOf(benchmark)}-${nameOf(method)}-seed${seed}`),
  resume = false,
  registry = REGISTRY,
}: Pick<RunRequest, "benchmark" | "method" | "seed" | "out" | "resume" | "registry">): ResolvedRun {
  const plugins = resume ? recordedPlugins(out) : [];
  return {
    benchmark: chosen(registry, "benchmarks", benchmark, plugins),
    method: chosen(registry, "methods", method, plugins),
    out,
  };
}

const nameOf = (thing: string | { readonly name: string }): string =>
  typeof thing === "string" ? thing : thing.name;

/** The options of the run in a request, and the heads that can be named in it: those handed in are there, too. */
export function optionsIn(request: RunRequest): {
  readonly options: RunOptionsInput;
  readonly knownHeads: readonly AnyHead[];
} {
  const { benchmark, method, methodOptions, headOptions, benchmarkOptions, out, ...more } = request;
  const { resume, profile, listen, signal, registry = REGISTRY, heads, ...options } = more;
  const own = (heads ?? []).filter((head) => typeof head !== "string");
  const unknown = own.filter((head) => !registry.heads.includes(head));
  return {
    options:
      heads === undefined
        ? options
        : { ...options, heads: heads.map((head) => (typeof head === "string" ? head : head.name)) },
    knownHeads: unknown.length === 0 ? registry.heads : withPlugins(registry, [{ heads: unknown }]).heads,
  };
}
