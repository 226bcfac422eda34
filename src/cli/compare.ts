/** @file `fmlora compare` */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import * as z from "zod";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { readTextSync } from "../node/files/read.ts";
import { checkTarget } from "../node/files/target.ts";
import { writeWhole } from "../node/files/write.ts";
import { chartDocument } from "../node/runs/chart-document.ts";
import { compareRuns } from "../report/comparison/compare.ts";
import { comparisonCsv } from "../report/comparison/csv.ts";
import { comparisonHtml } from "../report/comparison/html.ts";
import type { ComparedRun } from "../report/comparison/run.ts";
import { comparisonText } from "../report/comparison/text.ts";
import { headName } from "../run/heads.ts";
import { InputError } from "../tensor/errors.ts";
import { cellName, expanded, withoutUnfinished } from "./grid-cells.ts";
import { print, remark } from "./output.ts";

/** Compares finished runs. */
export function compareCommand() {
  const file = (what: string): string => `also write ${what} into this file`;
  return new Command("compare")
    .addArgument(
      new Argument(
        "<runs...>",
        "folders of runs, or of a grid; FOLDER:HEAD for another head, LABEL=FOLDER to name a group",
      ),
    )
    .addOption(new Option("--reference <label>", "what the others are compared with (default: the first)"))
    .addOption(
      new Option(
        "--readout <name>",
        "this head of every run, where none is named with a run (default: each one's own, and the reference's)",
      ),
    )
    .addOption(
      new Option("--mixed", "one table also of runs that differ in data, backbone or evaluation, and say so"),
    )
    .addOption(
      new Option("--format <name>", "how to write the tables")
        .choices(["markdown", "text"] as const)
        .default("text" as const),
    )
    .addOption(new Option("--html <file>", file("a page with curves and error bars")))
    .addOption(new Option("--markdown <file>", file("the tables in Markdown")))
    .addOption(new Option("--csv <file>", file("a row for every run")))
    .action(async (runs, { format, reference, readout, mixed, ...files }) => {
      for (const [option, target] of Object.entries(files)) {
        if (typeof target === "string") await checkTarget(`--${option}`, target);
      }
      const { done, unfinished } = withoutUnfinished(expanded(runs));
      if (unfinished > 0) remark(`cells that are not done and left out: ${unfinished}\n`);
      const head = readout === undefined ? undefined : headName(readout);
      const comparison = compareRuns(done.map(readRun), { reference, readout: head, mixed });
      print(comparisonText(comparison, format, process.stdout.columns)); // undefined where it is no terminal
      if (comparison.apart.length > 0) remark("tables are apart; --mixed sets all runs side by side\n");
      const { html, markdown, csv } = files;
      if (html !== undefined) await writeWhole(html, comparisonHtml(chartDocument(), comparison));
      if (markdown !== undefined) await writeWhole(markdown, comparisonText(comparison, "markdown"));
      if (csv !== undefined) await writeWhole(csv, comparisonCsv(comparison));
    });
}

/** [LABEL=]FOLDER[:READOUT], or a metrics.json itself. */
function readRun(text: string): ComparedRun {
  const [, label, place = text] = existsSync(text) ? [] : (/^([^=]+)=(.*)$/s.exec(text) ?? []);
  const colon = existsSync(place) ? -1 : place.lastIndexOf(":");
  const path = colon > 0 ? place.slice(0, colon) : place;
  const file = existsSync(path) && statSync(path).isFile() ? path : join(path, "metrics.json");
  const metrics = readMetrics(file, path);
  const config = readConfig(join(dirname(file), "config.json"));
  const name = label ?? cellName(path) ?? metrics.method;
  if (colon <= 0) return { metrics, config, label: name };
  const readout = headName(place.slice(colon + 1));
  if (!Object.hasOwn(metrics.readouts, readout)) {
    throw new InputError(
      `${file}: there is no head "${readout}"; it has: ${Object.keys(metrics.readouts).join(", ")}`,
    );
  }
  return { metrics, config, label: label ?? `${name}/${readout}`, readout };
}

/** The configuration beside the metrics; undefined where it is not there. */
function readConfig(file: string): Readonly<Record<string, unknown>> | undefined {
  if (!existsSync(file)) return undefined;
  const config = parseJson(file);
  if (typeof config === "object" && config !== null) return config as Readonly<Record<string, unknown>>;
  throw new InputError(`${file}: not a run's configuration: expected options with their values`);
}

const numbers = z.array(z.number());
const readoutSchema = z.looseObject({
  accuracyMatrix: z.array(z.array(z.number().nullable())),
  lastAccuracy: z.number().nullable(),
  averageAccuracy: z.number().nullable(),
  forgetting: z.number().nullable(),
  backwardTransfer: z.number().nullable(),
  accuracyMicro: z.array(z.number().nullable()),
  stateBytes: numbers.optional(),
});
/** What the tables use of metrics.json. */
const metricsSchema = readoutSchema.extend({
  method: z.string(),
  traits: z
    .looseObject({
      grows: z.array(z.string()),
      trains: z.string(),
      trained: z.string(),
      forwardPasses: z.union([z.number(), z.string()]),
    })
    .optional(),
  benchmark: z.string(),
  backbone: z.string(),
  seed: z.number(),
  orderSeed: z.number().nullable(),
  readout: z.string(),
  readouts: z.record(z.string(), readoutSchema),
  stateBytes: numbers,
  testImages: numbers,
  evaluatedOn: z.enum(["test", "validation"]),
  imagesPerSecond: z.number(),
  seconds: z.number(),
});

function readMetrics(file: string, path: string): RunMetrics {
  if (!existsSync(file)) {
    const reason = existsSync(join(path, "config.json"))
      ? "the run there has not finished; continue it with --resume"
      : "expected the folder of a finished run";
    throw new InputError(`${file}: no such file; ${reason}`);
  }
  const result = metricsSchema.safeParse(parseJson(file));
  if (result.success) return currentMetrics(result.data as unknown as RunMetrics);
  const [issue] = result.error.issues;
  throw new InputError(`${file}: not a run's metrics: ${issue!.path.join(".")}: ${issue!.message}`);
}

/** Metrics of a run of the first format, with the names that heads have today. */
function currentMetrics(metrics: RunMetrics): RunMetrics {
  const readouts = Object.entries(metrics.readouts).map(([name, values]) => [headName(name), values]);
  return { ...metrics, readout: headName(metrics.readout), readouts: Object.fromEntries(readouts) };
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readTextSync(file));
  } catch (error) {
    throw new InputError(`${file}: cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
}
