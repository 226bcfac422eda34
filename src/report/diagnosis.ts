/** @file Where points are lost, as tables and as one picture. */
import * as Plot from "@observablehq/plot";
import type { AnswerShares, Diagnosis, HeadDiagnosis } from "../train/diagnosis.ts";
import { plot } from "./charts.ts";
import type { ChartDocument } from "./document.ts";
import { count, decimal, percent, printable, shorten } from "./format.ts";
import { colorKey, picture, sized, title } from "./picture.ts";
import { CHART_WIDTH } from "./style.ts";
import { type Column, escapeMarkdown, formatTable, type TableFormat } from "./text-table.ts";

/** The diagnosis of one run. */
export interface RunDiagnosis extends Diagnosis {
  /** What it is called here. */
  readonly run: string;
  readonly method: string;
  readonly benchmark: string;
  readonly backbone: string;
  readonly evaluatedOn: "test" | "validation";
  readonly seed: number;
}

/** Heads of all runs side by side; then the tasks of every run, by its first head. */
export function diagnosisTables(runs: readonly RunDiagnosis[], format: TableFormat): string {
  const parts = [headTable(runs, format)];
  for (const run of runs) {
    const about = `${run.run}: ${run.method} on ${run.benchmark}, ${run.backbone}, seed ${run.seed}, ${count(imagesOf(run))} ${run.evaluatedOn} images; by task with the head ${run.heads[0]!.head}`;
    parts.push(format === "text" ? printable(about) : escapeMarkdown(about), taskTable(run, format));
  }
  return `${parts.join("\n\n")}\n`;
}

const left = (title: string): Column => ({ title, left: true });
const right = (title: string): Column => ({ title });

function headTable(runs: readonly RunDiagnosis[], format: TableFormat): string {
  const rows = runs.flatMap(({ run, heads }) =>
    heads.map(({ head, asLearned, trueStatistics, frozen }) => [
      run,
      head,
      percent(frozen?.accuracy),
      percent(asLearned.accuracy),
      percent(trueStatistics?.accuracy),
      trueStatistics === null ? "–" : decimal(100 * (trueStatistics.accuracy - asLearned.accuracy), 1),
      percent(asLearned.withinTask),
      percent(asLearned.rightTask),
    ]),
  );
  const titles = [
    "frozen %",
    "as learned %",
    "true statistics %",
    "lost to drift",
    "within task %",
    "right task %",
  ];
  return formatTable([left("run"), left("head"), ...titles.map(right)], rows, format);
}

function taskTable({ taskNames, images, heads, drift }: RunDiagnosis, format: TableFormat): string {
  const [head] = heads as readonly [HeadDiagnosis];
  const of = (shares: AnswerShares | null, task: number): string => percent(shares?.taskAccuracy[task]);
  const rows = taskNames.map((name, task) => [
    name,
    count(images[task]!),
    drift === null ? "–" : decimal(drift[task]!, 3),
    of(head.frozen, task),
    of(head.asLearned, task),
    of(head.trueStatistics, task),
  ]);
  const titles = ["images", "drift from frozen", "frozen %", "as learned %", "true statistics %"];
  return formatTable([left("task"), ...titles.map(right)], rows, format);
}

/** What is drawn of a head, in this order: smaller dots lie on larger ones. */
const MARKS: readonly {
  readonly name: string;
  readonly radius: number;
  readonly share: (head: HeadDiagnosis) => number | null | undefined;
}[] = [
  { name: "frozen network", radius: 8, share: ({ frozen }) => frozen?.accuracy },
  { name: "as learned", radius: 6, share: ({ asLearned }) => asLearned.accuracy },
  { name: "true statistics", radius: 4, share: ({ trueStatistics }) => trueStatistics?.accuracy },
  { name: "as learned, task known", radius: 2.5, share: ({ asLearned }) => asLearned.withinTask },
];
const LONGEST_LABEL = 40;

/** A row for every head of every run, with its accuracies as dots. */
export function diagnosisPicture(document: ChartDocument, runs: readonly RunDiagnosis[]): string {
  const rows = runs.flatMap(({ run, heads }) =>
    heads.map((head) => ({ head, label: runs.length === 1 ? head.head : `${run}, ${head.head}` })),
  );
  const labels = rows.map(({ label }, k) => `${shorten(printable(label), LONGEST_LABEL)}${" ".repeat(k)}`); // equal ones stay apart
  const points = MARKS.map(({ share }) =>
    rows.flatMap(({ head }, k) => {
      const value = share(head);
      return typeof value === "number" ? [{ x: 100 * value, y: labels[k]! }] : [];
    }),
  );
  const heading = `Where points are lost: ${[...new Set(runs.map(({ benchmark, backbone }) => `${benchmark}, ${backbone}`))].join("; ")}`;
  const key = MARKS.map(({ name }, k) => ({ text: `● ${name}`, color: `var(--line-${k})` }));
  const chart = plot(document, {
    width: CHART_WIDTH,
    height: 64 + 26 * rows.length,
    marginLeft: 16 + 7 * Math.max(...labels.map((label) => label.trimEnd().length)),
    marginTop: 8,
    marginBottom: 40,
    x: { label: "accuracy, %", grid: true, inset: 8 },
    y: { type: "band", domain: labels, label: null, tickSize: 0 },
    marks: [
      Plot.ruleY(labels, { stroke: "currentColor", strokeOpacity: 0.12 }),
      ...points.map((own, k) =>
        Plot.dot(own, { x: "x", y: "y", fill: `var(--line-${k})`, r: MARKS[k]!.radius }),
      ),
    ],
  });
  return picture(heading, [title(heading), colorKey(key), sized(heading, chart)]);
}

const imagesOf = ({ images }: Diagnosis): number => images.reduce((sum, own) => sum + own, 0);
