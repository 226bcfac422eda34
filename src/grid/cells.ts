/** @file From a grid's file to its cells: lists are crossed, and every cell has its whole configuration and its id. */
import { headSetOptions } from "../heads/head-set.ts";
import { type AnyMethod, METHODS } from "../methods/index.ts";
import { checked } from "../run/checked.ts";
import { chosenHeads } from "../run/heads.ts";
import { LOGGERS } from "../run/logger.ts";
import { methodOptionsOn } from "../run/method-options.ts";
import { runOptionsSchema } from "../run/options.ts";
import { InputError } from "../tensor/errors.ts";
import { grouped } from "./grouped.ts";
import { groupLabels, type Labels } from "./labels.ts";
import {
  allGridOptions,
  benchmarkGridOptions,
  type GridBenchmark,
  type GridOption,
  headGridOptions,
  methodGridOptions,
  NEUTRAL,
  runGridOptions,
} from "./table.ts";
import { type Settings, textOf, typedValue, type Value, valuesOf, wordOf } from "./values.ts";

/** One run of a grid. */
export interface Cell extends Labels {
  /** The first digits of the SHA-256 of the resolved configuration. */
  readonly id: string;
  /** What the file says of this run, by flag; `benchmark` and `method` are always there. */
  readonly settings: Settings;
}

/** What a grid's file says. */
export interface Grid {
  readonly cells: readonly Cell[];
  /** Who else hears of every run. */
  readonly log: readonly string[];
}

/** What cells are made with. */
export interface GridContext {
  readonly benchmarks: readonly GridBenchmark[];
  /** Hexadecimal digits of the SHA-256 of a text. */
  readonly sha256: (text: string) => string;
  /** The file's name, for messages. */
  readonly file: string;
}

/** As `fmlora run` has it. */
const DEFAULT_METHOD = "fm-lora";
/** 48 bits: with a million cells two would share an id once in 560 grids. */
const ID_DIGITS = 12;
const MOST_CELLS = 100_000;
const ROWS = ["variants", "include", "exclude"] as const;
const OWN = ["log", ...ROWS];

/**
 * The cells of a grid, those of one backbone and data set next to each other.
 * @param table what stands in the file
 * @throws InputError that names what is wrong in it
 */
export function gridOf(table: unknown, context: GridContext): Grid {
  const { file } = context;
  const top = mapping(table, file);
  const rows = Object.fromEntries(ROWS.map((name) => [name, mappings(top[name], `${file}: ${name}`)]));
  const { variants, include, exclude } = rows as Record<(typeof ROWS)[number], Mapping[]>;
  const shared = Object.fromEntries(Object.entries(top).filter(([key]) => !OWN.includes(key)));
  const known = new Set([
    "benchmark",
    "method",
    ...allGridOptions(context.benchmarks).map(({ flag }) => flag),
  ]);
  for (const part of [shared, ...variants, ...include, ...exclude]) refuseUnknown(part, known, file);

  const resolve = (settings: Settings): Resolved => resolved(settings, context);
  const onlyIncluded = !Object.hasOwn(top, "benchmark") && variants.length === 0 && include.length > 0;
  const alternatives = variants.length === 0 ? [{}] : variants;
  const product = onlyIncluded
    ? []
    : alternatives.flatMap((variant) => crossed({ ...shared, ...variant }, file)).map(resolve);
  const single = Object.fromEntries(Object.entries(shared).filter(([, raw]) => !Array.isArray(raw)));
  const further = include.flatMap((row) => crossed({ ...single, ...row }, file)).map(resolve);
  const kept = [...withoutExcluded(product, exclude, file), ...further];
  refuseUseless([shared, ...variants, ...include], [...product, ...further], file);
  const cells = [...new Map(kept.map((cell) => [cell.id, cell])).values()];
  if (cells.length === 0) throw new InputError(`${file}: no cell is left; exclude fewer`);
  const labels = groupLabels(cells.map(({ settings }) => settings));
  const named = cells.map(({ id, settings }, i): Cell => ({ id, settings, ...labels[i]! }));
  return { cells: together(named), log: loggers(top.log, file) };
}

/** The words after `fmlora` that run a cell. */
export function runWords({ settings }: Pick<Cell, "settings">): string[] {
  const { benchmark, ...flags } = settings;
  return ["run", textOf(benchmark!), ...Object.entries(flags).map(([flag, value]) => wordOf(flag, value))];
}

/** A cell as another machine sent it, checked again here. @throws InputError if it can't be that cell */
export function cellAgain({ id, settings }: Pick<Cell, "id" | "settings">, context: GridContext): Cell {
  const cell = resolved(settings, context);
  if (cell.id === id) return { id, settings: cell.settings, ...groupLabels([cell.settings])[0]! };
  throw new InputError(
    `${context.file}: cell ${id} is ${cell.id} here: its configuration resolves to another one in this version of fm-lora; use the same version everywhere`,
  );
}

type Mapping = Readonly<Record<string, unknown>>;

function mapping(raw: unknown, where: string): Mapping {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return raw as Mapping;
  throw new InputError(`${where}: expected options with their values, such as "benchmark: emoji"`);
}

function mappings(raw: unknown, where: string): Mapping[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw) || raw.length === 0) {
    throw new InputError(`${where}: expected a list of options with their values`);
  }
  return raw.map((row, i) => mapping(row, `${where}, entry ${i + 1}`));
}

function loggers(raw: unknown, file: string): string[] {
  if (raw === undefined) return [];
  const names = (Array.isArray(raw) ? raw : String(raw).split(",")).map((name) => String(name).trim());
  const wrong = names.find((name) => !(LOGGERS as readonly string[]).includes(name));
  if (wrong === undefined) return names;
  throw new InputError(`${file}: log "${wrong}": expected one of: ${LOGGERS.join(", ")}`);
}

function refuseUnknown(part: Mapping, known: ReadonlySet<string>, file: string): void {
  const wrong = Object.keys(part).find((key) => !known.has(key));
  if (wrong === undefined) return;
  const dashed = wrong.replaceAll(/[A-Z_]/g, (letter) => (letter === "_" ? "-" : `-${letter.toLowerCase()}`));
  const positive = dashed.replace(/^no-/, "");
  const advice = known.has(dashed)
    ? `it is written ${dashed}`
    : positive !== dashed && known.has(positive)
      ? `it is written ${positive}: ${part[wrong] === false}`
      : `docs/options.md lists them, and ${OWN.join(", ")} are the grid's own`;
  throw new InputError(`${file}: there is no option "${wrong}"; ${advice}`);
}

/** Every combination of the values, the last option changing fastest. */
function crossed(row: Mapping, file: string): Settings[] {
  let combinations: Settings[] = [{}];
  for (const [flag, raw] of Object.entries(row)) {
    const values = valuesOf(flag, raw, file);
    if (combinations.length * values.length > MOST_CELLS) {
      throw new InputError(`${file}: more than ${MOST_CELLS} cells; split the grid into several files`);
    }
    combinations = combinations.flatMap((settings) =>
      values.map((value) => ({ ...settings, [flag]: value })),
    );
  }
  return combinations;
}

interface Resolved {
  readonly id: string;
  readonly settings: Settings;
  /** Defaults filled in. */
  readonly configuration: ReadonlyMap<string, unknown>;
}

/** One cell with what its run would take for granted. Options of other methods and benchmarks are left out of it. */
function resolved(given: Settings, { benchmarks, sha256, file }: GridContext): Resolved {
  const benchmark = named(benchmarks, "benchmark", given.benchmark, file);
  const method: AnyMethod = named(METHODS, "method", given.method ?? DEFAULT_METHOD, file);
  const runValues = checked(runOptionsSchema, valuesFor(runGridOptions, given), file);
  const choice = prefixed(file, () => chosenHeads(method, runValues.heads, runValues.drift));
  const own = [methodGridOptions(method), headGridOptions(choice), benchmarkGridOptions(benchmark)] as const;
  const parts = [runGridOptions, ...own];
  const [ofMethod, ofHeads, ofBenchmark] = own.map((options) => valuesFor(options, given));
  const methodValues = methodOptionsOn(benchmark.kind, method, ofMethod!, `${file}: method ${method.name}`);
  const headValues = checked(headSetOptions(choice.heads, choice.drift), ofHeads!, `${file}: heads`);
  const benchmarkValues = checked(benchmark.options, ofBenchmark!, `${file}: benchmark ${benchmark.name}`);
  const resolvedRun = { ...runValues, heads: choice.heads.map(({ name }) => name), drift: choice.drift.name };
  const values = [resolvedRun, methodValues, headValues, benchmarkValues] as readonly Mapping[];
  const entries = parts.flatMap((options, k) =>
    options.map(({ flag, name }): [string, unknown] => [flag, values[k]![name]]),
  );
  const configuration = new Map<string, unknown>([
    ["benchmark", benchmark.name],
    ["method", method.name],
    ...entries.filter(([flag, value]) => value !== undefined && !NEUTRAL.includes(flag)),
  ]);
  const flags = parts.flatMap((options) => options.map(({ flag }) => flag));
  const settings: Settings = {
    benchmark: benchmark.name,
    method: method.name,
    ...Object.fromEntries(Object.entries(given).filter(([flag]) => flags.includes(flag))),
  };
  const sorted = [...configuration].sort(([a], [b]) => (a < b ? -1 : 1));
  return { id: sha256(JSON.stringify(sorted)).slice(0, ID_DIGITS), settings, configuration };
}

function valuesFor(options: readonly GridOption[], given: Settings): Mapping {
  return Object.fromEntries(
    options.flatMap((option) => {
      const value = given[option.flag];
      return value === undefined ? [] : [[option.name, typedValue(option, value)]];
    }),
  );
}

function named<Named extends { readonly name: string }>(
  all: readonly Named[],
  what: string,
  name: Value | undefined,
  file: string,
): Named {
  const found = all.find((each) => each.name === name);
  if (found !== undefined) return found;
  const wrong = name === undefined ? `${what} is missing` : `there is no ${what} "${textOf(name)}"`;
  throw new InputError(`${file}: ${wrong}; expected one of: ${all.map((each) => each.name).join(", ")}`);
}

function prefixed<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof InputError) throw new InputError(`${file}: ${error.message}`, { cause: error });
    throw error;
  }
}

function withoutExcluded(cells: readonly Resolved[], exclude: readonly Mapping[], file: string): Resolved[] {
  const wanted = exclude.map((row) =>
    Object.entries(row).map(([flag, raw]) => [flag, valuesOf(flag, raw, file).map(textOf)] as const),
  );
  const matches = (cell: Resolved, row: (typeof wanted)[number]): boolean =>
    row.every(([flag, values]) => {
      const value = cell.configuration.get(flag);
      return value !== undefined && values.includes(textOf(value as Value));
    });
  const useless = wanted.findIndex((row) => !cells.some((cell) => matches(cell, row)));
  if (useless >= 0)
    throw new InputError(`${file}: exclude, entry ${useless + 1}: no cell has all of its values`);
  return cells.filter((cell) => !wanted.some((row) => matches(cell, row)));
}

/** An option that no cell has is a mistake, most likely in a name. */
function refuseUseless(parts: readonly Mapping[], cells: readonly Resolved[], file: string): void {
  for (const flag of new Set(parts.flatMap((part) => Object.keys(part)))) {
    if (cells.some(({ settings }) => settings[flag] !== undefined)) continue;
    throw new InputError(`${file}: ${flag} is an option of no method and benchmark that is in this grid`);
  }
}

/** Cells that load the same backbone and images follow each other; groups as they come in the file. */
function together(cells: readonly Cell[]): Cell[] {
  const group = ({ settings }: Cell): string =>
    JSON.stringify(["backbone", "benchmark", "data", "cache"].map((flag) => settings[flag] ?? null));
  return [...grouped(cells, group).values()].flat();
}
