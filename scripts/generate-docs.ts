/**
 * @file Writes docs/options.md and docs/grid.schema.json from the registries: `npx tsx scripts/generate-docs.ts`. A test holds them together.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { domainFlags } from "../src/cli/methods.ts";
import { describe, type Setting, settingsOf, usage } from "../src/cli/settings.ts";
import { gridJsonSchema } from "../src/grid/table.ts";
import { SHARED_OPTIONS } from "../src/heads/head-set.ts";
import { DRIFTS, HEADS } from "../src/heads/index.ts";
import { METHODS } from "../src/methods/index.ts";
import type { AnyMethod } from "../src/methods/method.ts";
import { rangeText } from "../src/methods/ranges.ts";
import { benchmarks } from "../src/node/benchmarks/index.ts";
import { pretrainingOptionsSchema } from "../src/node/pretraining/options.ts";
import { flagOf } from "../src/run/flag.ts";
import { runOptionsSchema } from "../src/run/options.ts";

/** Where the page is. */
export const OPTIONS_PAGE = fileURLToPath(new URL("../docs/options.md", import.meta.url));

/** Where the JSON Schema of grids is. */
export const GRID_SCHEMA = fileURLToPath(new URL("../docs/grid.schema.json", import.meta.url));

/** The schema of a grid's file, for editors. */
export const gridSchemaText = (): string => `${JSON.stringify(gridJsonSchema(benchmarks), null, 1)}\n`;

/** All options of `fmlora run`, as Markdown. */
export function optionsPage(): string {
  return [
    "# Options of `fmlora run` and `fmlora pretrain`",
    "Written by `npx tsx scripts/generate-docs.ts` from the code; a test holds the two together.",
    `## Every run\n\n${table(settingsOf(runOptionsSchema))}`,
    ...METHODS.map(titled("Method")),
    "## Heads\n\nWhat each keeps: [heads.md](heads.md). Several share these:",
    ...Object.entries(SHARED_OPTIONS).map(
      ([owner, options]) => `### ${capitalized(owner)}\n\n${table(settingsOf(options))}`,
    ),
    ...[...HEADS.map(titled("Head")), ...DRIFTS.map(titled("Drift map"))],
    ...benchmarks.map(
      ({ name, summary, needs, kind, tasks, options }) =>
        `## Benchmark ${name}\n\n${sentence(summary)} ${sentence(`${kind}, ${tasks} tasks unless told otherwise`)} Needs ${cell(needs)}.\n\n${table(settingsOf(options))}`,
    ),
    `## \`fmlora pretrain\`\n\nWhat it does: [pretraining.md](pretraining.md).\n\n${table(settingsOf(pretrainingOptionsSchema))}`,
  ]
    .map((part) => `${part.trimEnd()}\n`)
    .join("\n");
}

/** What has options of its own, under a title. */
const titled =
  (kind: string) =>
  ({ name, summary, source, options, ranges = {}, defaults }: Titled): string => {
    const searched = Object.entries(ranges).flatMap(([option, range]) =>
      range === undefined ? [] : [`\`--${flagOf(option)}\` ${rangeText(range)}`],
    );
    return [
      `## ${kind} ${name}`,
      `${sentence(summary)} Source: ${source}.`,
      table(settingsOf(options)),
      ...(defaults?.domains === undefined
        ? []
        : [
            `Where every task brings the same classes, a run takes \`${domainFlags(defaults)}\` unless told otherwise.`,
          ]),
      ...(searched.length === 0 ? [] : [`[\`fmlora tune\`](tuning.md) searches ${searched.join("; ")}.`]),
    ].join("\n\n");
  };

type Titled = Pick<AnyMethod, "name" | "summary" | "source" | "options" | "ranges"> & {
  readonly defaults?: AnyMethod["defaults"];
};

function table(settings: readonly Setting[]): string {
  if (settings.length === 0) return "No options of its own.";
  const rows = settings.map(
    (setting) => `| \`${usage(setting)}\` | ${cell(describe(setting))} | ${cell(setting.expected)} |`,
  );
  return ["| flag | meaning | expects |", "| :--- | :--- | :--- |", ...rows].join("\n");
}

const capitalized = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;
const sentence = (text: string): string => `${capitalized(text)}.`;
const cell = (text: string): string => text.replaceAll(/[|<>]/g, "\\$&");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(OPTIONS_PAGE, optionsPage());
  writeFileSync(GRID_SCHEMA, gridSchemaText());
}
