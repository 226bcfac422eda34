/** @file The rows of the README's table and figure: the field on one benchmark, each method classified in its own way. */
import { METHODS } from "../src/methods/index.ts";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { currentDescription } from "../src/run/former-model.ts";
import { accuraciesOf, type KeptRun, keptRuns } from "./results-index.ts";

/** The runs of the page that they are of: at a method's defaults, where there are such, or all that it has. */
const RUNS: readonly RunMetrics[] = ofDefaults([...keptRuns("cifar100-weak").values()]);

function ofDefaults(kept: readonly KeptRun[]): RunMetrics[] {
  const standard = new Set(kept.filter(atDefaults).map(({ metrics }) => metrics.method));
  const shown = kept.filter((run) => !standard.has(run.metrics.method) || atDefaults(run));
  return shown.map(({ metrics }) => metrics);
}

function atDefaults({ config, metrics }: KeptRun): boolean {
  const { options } = METHODS.find(({ name }) => name === metrics.method)!;
  const own = options.parse(currentDescription(config).methodOptions);
  return JSON.stringify(own) === JSON.stringify(options.parse({}));
}

/** One way to learn and to classify. */
export interface FieldRow {
  readonly method: string;
  readonly head: string;
  /** What it is, for who has not heard of it. */
  readonly what: string;
}

/** What the README has in its table; the figure has every method of the page. */
export const FIELD: readonly FieldRow[] = [
  { method: "joint", head: "gaussian", what: "all tasks at once: the upper bound" },
  {
    method: "fm-lora",
    head: "gaussian",
    what: "shared low-rank subspace, rank selector, protection; a Gaussian a class",
  },
  { method: "fm-lora", head: "lda", what: "the same run; LDA" },
  {
    method: "first-task",
    head: "gaussian",
    what: "LoRA on the first task, then nothing; a Gaussian a class",
  },
  {
    method: "seq-lora",
    head: "gaussian",
    what: "LoRA on every task in turn, at its best rate; a Gaussian a class",
  },
  { method: "seq-lora", head: "rows", what: "the same run; its trained classifier" },
  { method: "lda", head: "gaussian", what: "no training; a Gaussian a class" },
  { method: "lda", head: "lda", what: "no training; LDA" },
  { method: "lda", head: "ncm", what: "no training; nearest class mean" },
];

/** The page's runs of a method that have a head. */
export const fieldRuns = ({ method, head }: Pick<FieldRow, "method" | "head">): RunMetrics[] =>
  RUNS.filter((metrics) => metrics.method === method && accuraciesOf(metrics)[head] !== undefined);

/** The rows of the table, and every other method of the page under the head that it was published with, and under fm-lora's. */
export function everyone(): Pick<FieldRow, "method" | "head">[] {
  const rivals = new Map<string, Pick<FieldRow, "method" | "head">>();
  for (const metrics of RUNS) {
    const { method, readout } = metrics;
    // RanPAC is first-task under a head of its own.
    if (FIELD.some((row) => row.method === method) && readout !== "ranpac") continue;
    const own = METHODS.find(({ name }) => name === method)!.defaults.heads[0]!;
    for (const head of new Set([readout === "ranpac" ? readout : own, "gaussian"]))
      if (accuraciesOf(metrics)[head] !== undefined) rivals.set(`${method} ${head}`, { method, head });
  }
  return [...FIELD, ...rivals.values()];
}
