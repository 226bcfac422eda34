/** @file What a grid's file may say: every option of a run, and lists of them; also as JSON Schema, for editors. */
import * as z from "zod";
import { headSetOptions, SHARED_OPTIONS } from "../heads/head-set.ts";
import { DRIFTS, HEADS } from "../heads/index.ts";
import { METHODS } from "../methods/index.ts";
import type { Benchmark } from "../run/benchmark.ts";
import { type JsonProperty, propertiesOf } from "../run/checked.ts";
import { flagOf } from "../run/flag.ts";
import type { HeadChoice } from "../run/heads.ts";
import { LOGGERS } from "../run/logger.ts";
import { runOptionsSchema } from "../run/options.ts";
import { grouped } from "./grouped.ts";

/** What a grid needs to know of a benchmark. */
export type GridBenchmark = Pick<Benchmark, "name" | "kind" | "options">;

/** One option of a run by its flag, wherever it belongs. */
export interface GridOption {
  /** "first-epochs" */
  readonly flag: string;
  /** "firstEpochs" */
  readonly name: string;
  /** "the run", "method ncm", "benchmark emoji" */
  readonly owner: string;
  readonly property: JsonProperty;
  readonly schema: z.ZodType;
}

/** How images are prepared and what the report has beside changes no result, and so no cell. */
export const NEUTRAL: readonly string[] = ["workers", "cache", "baseline", "report-images"];

/** The options of runs as such. */
export const runGridOptions: readonly GridOption[] = optionsOf("the run", runOptionsSchema);

/** The options of one method. */
export const methodGridOptions = (method: (typeof METHODS)[number]): GridOption[] =>
  optionsOf(`method ${method.name}`, method.options);

/** The options of one benchmark. */
export const benchmarkGridOptions = ({ name, options }: GridBenchmark): GridOption[] =>
  optionsOf(`benchmark ${name}`, options);

/** The options of chosen heads, of what they share, and of a drift map. */
export const headGridOptions = ({ heads, drift }: HeadChoice): GridOption[] =>
  optionsOf("heads", headSetOptions(heads, drift));

/** All options there are; a flag may have several owners. */
export const allGridOptions = (benchmarks: readonly GridBenchmark[]): GridOption[] => [
  ...runGridOptions,
  ...METHODS.flatMap(methodGridOptions),
  ...Object.entries(SHARED_OPTIONS).flatMap(([owner, options]) => optionsOf(owner, options)),
  ...HEADS.flatMap(({ name, options }) => optionsOf(`head ${name}`, options)),
  ...DRIFTS.flatMap(({ name, options }) => optionsOf(`drift ${name}`, options)),
  ...benchmarks.flatMap(benchmarkGridOptions),
];

function optionsOf(owner: string, schema: z.ZodObject): GridOption[] {
  return Object.entries(propertiesOf(schema)).map(([name, property]) => ({
    flag: flagOf(name),
    name,
    owner,
    property,
    schema: schema.shape[name] as z.ZodType,
  }));
}

/** The schema of a grid's file: what `readTable` takes, for editors that complete and check it. */
export function gridSchema(benchmarks: readonly GridBenchmark[]): z.ZodObject {
  const byFlag = grouped(allGridOptions(benchmarks), ({ flag }) => flag);
  const names = (all: readonly { readonly name: string }[]): z.ZodType => z.enum(all.map(({ name }) => name));
  const values: [flag: string, description: string, value: z.ZodType][] = [
    ["benchmark", "data set that is cut into tasks", names(benchmarks)],
    ["method", "what learns (default: fm-lora)", names(METHODS)],
    ...[...byFlag].map(([flag, options]): [string, string, z.ZodType] => [
      flag,
      describe(options),
      oneOf(options.map(valueSchema)),
    ]),
  ];
  const settings = Object.fromEntries(
    values.map(([flag, description, value]) => [
      flag,
      z
        .union([value, z.array(value).min(1)])
        .optional()
        .describe(description),
    ]),
  );
  const rows = (description: string): z.ZodType =>
    z.array(z.strictObject(settings)).min(1).optional().describe(description);
  return z.strictObject({
    ...settings,
    log: z
      .union([z.enum(LOGGERS), z.array(z.enum(LOGGERS)).min(1)])
      .optional()
      .describe("who else hears of every run; a list is not crossed"),
    variants: rows("settings that go together: each is crossed with the lists"),
    include: rows("further cells: the single values above, and their own"),
    exclude: rows("cells that have all of these values are left out"),
  });
}

/** The same as JSON Schema. */
export const gridJsonSchema = (benchmarks: readonly GridBenchmark[]): object => ({
  ...z.toJSONSchema(gridSchema(benchmarks), { io: "input", reused: "ref" }),
  title: "A grid of fm-lora",
});

/** A list is also what a user would type: "query,value". */
function valueSchema({ property, schema }: GridOption): z.ZodType {
  const value = withoutDefault(schema);
  return property.type === "array" ? z.union([z.string(), value]) : value;
}

/** A default would be written into the file by an editor, and it is the run that has it. */
function withoutDefault(schema: z.ZodType): z.ZodType {
  let inner: z.ZodType = schema;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) inner = inner.unwrap() as z.ZodType;
  return inner;
}

/** One of several schemas, each once. */
function oneOf(schemas: readonly z.ZodType[]): z.ZodType {
  const distinct = new Map(schemas.map((schema) => [JSON.stringify(z.toJSONSchema(schema)), schema]));
  const [first, ...more] = distinct.values();
  return more.length === 0 ? first! : z.union([first!, ...more]);
}

function describe(options: readonly GridOption[]): string {
  const owners = options.filter(({ owner }) => owner !== "the run").map(({ owner }) => owner);
  const text = options[0]!.property.description ?? "";
  return owners.length === 0 ? text : `${text} (${owners.join(", ")})`;
}
