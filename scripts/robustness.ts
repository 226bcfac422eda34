/**
 * @file The figure and the table of docs/results/robustness.md, from kept runs of one class order: what other rates, epochs and
 * numbers of tasks do.
 *
 *     npx tsx scripts/robustness.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as Plot from "@observablehq/plot";
import { chartDocument } from "../src/node/runs/chart-document.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { plot } from "../src/report/charts.ts";
import { lineStyle } from "../src/report/comparison/charts.ts";
import { colorKey, picture, sized, title } from "../src/report/picture.ts";
import { CHART_WIDTH } from "../src/report/style.ts";
import { byName } from "../src/run/registry.ts";
import { withMarked } from "./marked.ts";
import { accuraciesOf, type KeptRun, keptRuns, RESULTS, todaysRuns } from "./results-index.ts";

export const ROBUSTNESS_PAGE = join(RESULTS, "robustness.md");
export const ROBUSTNESS_PICTURE = join(RESULTS, "robustness.svg");

const document = chartDocument();

const ORDER = 1993;
const HEAD = "gaussian";
const CHOSEN = { factor: 1, epochs: 2, tasks: 10 };
const PAGES = [
  "cifar100-weak-validation",
  "cifar100-weak-20-validation",
  "cifar100-weak-50-validation",
] as const;

/** A method at the settings that validation chose; `rates` are those that the figure multiplies. */
interface Line {
  readonly label: string;
  readonly method: string;
  readonly rates: Readonly<Record<string, number>>;
  readonly others?: Readonly<Record<string, unknown>>;
}

const LINES: readonly Line[] = [
  {
    label: "fm-lora",
    method: "fm-lora",
    rates: { firstBasesRate: 0.002, basesRate: 0.0004, coreRate: 0.01 },
  },
  {
    label: "fm-lora, linear rows",
    method: "fm-lora",
    rates: { firstBasesRate: 0.001, basesRate: 0.0002, coreRate: 0.005 },
    others: { rows: "linear", rowStart: "zero", distillation: 0 },
  },
  { label: "seq-lora", method: "seq-lora", rates: { basesRate: 0.00015 } },
  {
    label: "sd-lora",
    method: "sd-lora",
    rates: { basesRate: 0.00072, magnitudeRate: 0.00187 },
    others: { headRate: 0.00726 },
  },
];

/** One finished run as a point. */
interface Point {
  readonly line: string;
  /** By how much its rates were multiplied. */
  readonly factor: number;
  readonly epochs: number;
  readonly tasks: number;
  readonly last: number;
}

/** By how much a run's rates are those of the line, all alike; null where it has anything else otherwise. */
function factorOf({ method, rates, others }: Line, config: KeptRun["config"]): number | null {
  if (config.method !== method || config.features !== "cls+mean" || config.orderSeed !== ORDER) return null;
  const { options, defaults } = byName(REGISTRY, "methods", method);
  if (config.drift !== defaults.drift || Object.hasOwn(config.headOptions as object, "driftViews"))
    return null;
  const own = options.parse(config.methodOptions) as Record<string, unknown>;
  const expected = { ...(options.parse({}) as Record<string, unknown>), ...others };
  const factors = Object.entries(rates).map(([name, rate]) => (own[name] as number) / rate);
  const rest = (all: Record<string, unknown>): string =>
    JSON.stringify(Object.entries(all).filter(([name]) => !(name in rates)));
  if (rest(own) !== rest(expected)) return null;
  const factor = factors[0] ?? 1;
  return factors.every((other) => alike(other, factor)) ? factor : null;
}

function points(): Point[] {
  return PAGES.flatMap((page) => [...todaysRuns(page).values()]).flatMap((kept) =>
    LINES.flatMap((line): Point[] => {
      const factor = factorOf(line, kept.config);
      const last = lastOf(kept);
      if (factor === null || last === undefined) return [];
      const { epochs } = kept.config as { epochs: number };
      return [{ line: line.label, factor, epochs, tasks: kept.metrics.taskNames.length, last }];
    }),
  );
}

const lastOf = ({ metrics }: KeptRun): number | undefined => accuraciesOf(metrics)[HEAD]?.last ?? undefined;

/** The frozen network, which knows no rates, epochs or tasks. */
function frozen(): number {
  const run = [...keptRuns(PAGES[0]).values()].find(
    ({ metrics, config }) => metrics.method === "lda" && config.orderSeed === ORDER,
  );
  return lastOf(run!)!;
}

/** A chart of the figure: what is changed, with the rest as it was chosen. */
interface Panel {
  readonly heading: string;
  readonly label: string;
  readonly of: (point: Pick<Point, "factor" | "epochs" | "tasks">) => number;
}

const PANELS: readonly Panel[] = [
  { heading: "learning rates", label: "times the chosen rates", of: ({ factor }) => factor },
  { heading: "epochs", label: "epochs of a task (the first has twice as many)", of: ({ epochs }) => epochs },
  { heading: "tasks", label: "tasks that the 100 classes come in", of: ({ tasks }) => tasks },
];

/** Whether two numbers are one but for rounding. */
const alike = (a: number, b: number): boolean => Math.abs(a / b - 1) < 0.01;

/** Points that differ from the chosen setting by nothing but what a panel is about, by its axis. */
function ofPanel(panel: Panel, all: readonly Point[], line: string): { x: number; y: number }[] {
  return all
    .filter((point) => point.line === line)
    .filter((point) => PANELS.every((other) => other === panel || alike(other.of(point), other.of(CHOSEN))))
    .map((point) => ({ x: Number(panel.of(point).toPrecision(2)), y: 100 * point.last }))
    .sort((a, b) => a.x - b.x);
}

/** One chart a panel; methods by color, the frozen network as a dashed rule. */
export function robustnessPicture(): string {
  const all = points();
  const heading = "CIFAR-100, small backbone: what other rates, epochs and tasks do";
  const key = LINES.map(({ label }, k) => ({ text: `● ${label}`, color: lineStyle(k).color }));
  const charts = PANELS.flatMap((panel) => [title(panel.heading), sized(panel.heading, chart(panel, all))]);
  return picture(heading, [title(heading), colorKey([...key, { text: "- - no training" }]), ...charts]);
}

function chart(panel: Panel, all: readonly Point[]): string {
  const lines = LINES.map(({ label }) => ofPanel(panel, all, label));
  const ticks = [...new Set(lines.flat().map(({ x }) => x))];
  const marks = lines.flatMap((line, k) => {
    const { color } = lineStyle(k);
    return [
      Plot.lineY(line, { x: "x", y: "y", stroke: color, strokeWidth: 2 }),
      Plot.dot(line, { x: "x", y: "y", fill: color, r: 3 }),
    ];
  });
  return plot(document, {
    width: CHART_WIDTH,
    height: 220,
    marginLeft: 44,
    marginTop: 24,
    marginBottom: 40,
    x: { type: "log", label: panel.label, labelArrow: "none", ticks, tickFormat: String, inset: 12 },
    y: { label: `last accuracy of ${HEAD}, %`, grid: true, nice: true, ticks: 5 },
    marks: [Plot.ruleY([100 * frozen()], { stroke: "currentColor", strokeDasharray: "4 3" }), ...marks],
  });
}

/** The page with its table as the kept runs have it. */
export function robustnessPage(page: string): string {
  return withMarked(page, "runs", `\n${table()}\n`);
}

function table(): string {
  const all = points();
  const rows = PANELS.flatMap((panel) => {
    const lines = LINES.map(({ label }) => ofPanel(panel, all, label));
    const places = [...new Set(lines.flat().map(({ x }) => x))].sort((a, b) => a - b);
    return places.map((place) => {
      const cells = lines.map((line) => line.find(({ x }) => x === place)?.y.toFixed(1) ?? "–");
      return `| ${panel.heading}: ${place} | ${cells.join(" | ")} |`;
    });
  });
  return [
    `| changed | ${LINES.map(({ label }) => label).join(" | ")} |`,
    `| :--- |${" ---: |".repeat(LINES.length)}`,
    ...rows,
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(ROBUSTNESS_PICTURE, robustnessPicture());
  writeFileSync(ROBUSTNESS_PAGE, robustnessPage(readFileSync(ROBUSTNESS_PAGE, "utf8")));
}
