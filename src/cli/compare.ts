/** @file `fmlora compare` */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import * as z from "zod";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { readTextSync } from "../node/files/read.ts";
import { comparisonTable } from "../report/comparison.ts";
import { headName } from "../run/heads.ts";
import { InputError } from "../tensor/errors.ts";
import { cellName, expanded, withoutUnfinished } from "./grid-cells.ts";
import { print } from "./output.ts";

/** Compares finished runs. */
export function compareCommand() {
  return new Command("compare")
    .addArgument(
      new Argument(
        "<runs...>",
        "folders of runs, or of a grid; FOLDER:HEAD for another head, LABEL=FOLDER to name a group",
      ),
    )
    .addOption(new Option("--reference <label>", "what the others are compared with (default: the first)"))
    .addOption(new Option("--readout <name>", "this head of every run, where none is named with a run"))
    .addOption(
      new Option("--format <name>", "how to write the tables")
        .choices(["markdown", "text"] as const)
        .default("text" as const),
    )
    .action((runs, { format, reference, readout }) => {
      const labels = new Map<RunMetrics, string>();
      const { done, unfinished } = withoutUnfinished(expanded(runs));
      if (unfinished > 0) process.stderr.write(`cells that are not done and left out: ${unfinished}\n`);
      for (const run of done) {
        const { metrics, label } = readRun(run, readout);
        labels.set(metrics, label);
      }
      const table = comparisonTable([...labels.keys()], {
        format,
        label: (run) => labels.get(run) ?? run.method,
        ...(reference === undefined ? {} : { reference }),
      });
      print(table);
    });
}

/** [LABEL=]FOLDER[:READOUT], or a metrics.json itself. */
function readRun(text: string, readoutForAll: string | undefined): { metrics: RunMetrics; label: string } {
  const [, label, place = text] = existsSync(text) ? [] : (/^([^=]+)=(.*)$/s.exec(text) ?? []);
  const colon = existsSync(place) ? -1 : place.lastIndexOf(":");
  const path = colon > 0 ? place.slice(0, colon) : place;
  const readout = colon > 0 ? place.slice(colon + 1) : readoutForAll;
  const file = existsSync(path) && statSync(path).isFile() ? path : join(path, "metrics.json");
  const metrics = readMetrics(file, path);
  const name = label ?? cellName(path) ?? metrics.method;
  if (readout === undefined) return { metrics, label: name };
  const head = headName(readout);
  if (!Object.hasOwn(metrics.readouts, head)) {
    throw new InputError(
      `${file}: there is no head "${readout}"; it has: ${Object.keys(metrics.readouts).join(", ")}`,
    );
  }
  const chosen = metrics.readouts[head]!;
  return { metrics: { ...metrics, ...chosen, readout: head }, label: label ?? `${name}/${head}` };
}

const numbers = z.array(z.number());
const readoutSchema = z.looseObject({
  accuracyMatrix: z.array(z.array(z.number().nullable())),
  lastAccuracy: z.number().nullable(),
  averageAccuracy: z.number().nullable(),
  forgetting: z.number().nullable(),
  backwardTransfer: z.number().nullable(),
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
