/** @file Methods, heads and benchmarks by name: those that come along, and those of plugins. */
import type { AnyHead } from "../heads/index.ts";
import type { AnyMethod } from "../methods/index.ts";
import { InputError } from "../tensor/errors.ts";
import type { Benchmark } from "./benchmark.ts";
import { suggestion } from "./names.ts";
import { checkedPlugin, type Plugin } from "./plugin.ts";

/** What is registered, by its place in a registry and in a plugin; a further kind is a line here and in KINDS. */
interface Kinds {
  readonly methods: AnyMethod;
  readonly heads: AnyHead;
  readonly benchmarks: Benchmark;
}
const KINDS = { methods: "method", heads: "head", benchmarks: "benchmark" } as const satisfies Record<
  keyof Kinds,
  string
>;

type Parts = { readonly [Kind in keyof Kinds]: readonly Kinds[Kind][] };

/** All that can be chosen by name. */
export interface Registry extends Parts {
  /** Names of the plugins in it: what to pass to `--plugin` to have the same registry again. */
  readonly plugins: readonly string[];
}

/**
 * The method, head or benchmark of that name.
 * @param plugins what the run was made with, where that is known: the message says how to have them
 * @throws InputError listing the names there are, and the one that was probably meant
 */
export function byName<Kind extends keyof Kinds>(
  registry: Pick<Parts, Kind>,
  kind: Kind,
  name: string,
  plugins: readonly string[] = [],
): Kinds[Kind] {
  const things: readonly Kinds[Kind][] = registry[kind];
  const found = things.find((thing) => thing.name === name);
  if (found !== undefined) return found;
  const names = things.map((thing) => thing.name);
  const cause =
    plugins.length === 0
      ? `expected one of: ${names.join(", ")}`
      : `it was made with plugins: add ${plugins.map((plugin) => `--plugin ${plugin}`).join(" ")}`;
  throw new InputError(`there is no ${KINDS[kind]} "${name}"${suggestion(name, names)}; ${cause}`);
}

/**
 * A registry with the plugins' methods, heads and benchmarks behind those that are there.
 * @throws InputError if a plugin isn't of its shape, or has a name that exists already
 */
export function withPlugins(registry: Registry, plugins: readonly Plugin[]): Registry {
  return plugins.reduce((all, plugin) => {
    const name = plugin.name ?? "without a name";
    const { methods = [], heads = [], benchmarks = [] } = checkedPlugin(plugin, name);
    return {
      methods: together(all, "methods", methods, name),
      heads: together(all, "heads", heads, name),
      benchmarks: together(all, "benchmarks", benchmarks, name),
      plugins: plugin.name === undefined ? all.plugins : [...all.plugins, plugin.name],
    };
  }, registry);
}

function together<Kind extends keyof Kinds>(
  registry: Parts,
  kind: Kind,
  more: readonly Kinds[Kind][],
  plugin: string,
): readonly Kinds[Kind][] {
  const there: readonly Kinds[Kind][] = registry[kind];
  const all = [...there];
  for (const thing of more) {
    if (all.some(({ name }) => name === thing.name)) {
      throw new InputError(
        `plugin ${plugin}: there is a ${KINDS[kind]} "${thing.name}" already; give this one another name`,
      );
    }
    all.push(thing);
  }
  return all;
}

/**
 * What was asked for by name, or was handed in itself.
 * @throws InputError if there is none, or what was handed in isn't what it should be or has the name of another one
 */
export function chosen<Kind extends keyof Kinds>(
  registry: Registry,
  kind: Kind,
  wanted: string | Kinds[Kind],
  plugins: readonly string[] = [],
): Kinds[Kind] {
  if (typeof wanted === "string") return byName(registry, kind, wanted, plugins);
  const parts: Parts = registry;
  const things: readonly Kinds[Kind][] = parts[kind];
  if (!things.includes(wanted)) withPlugins(registry, [{ [kind]: [wanted] }]);
  return wanted;
}
