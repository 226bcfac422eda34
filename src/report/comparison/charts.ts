/** @file Charts of a comparison: means over runs with their spread, and differences with their intervals. */
import * as Plot from "@observablehq/plot";
import { spread } from "../../metrics/paired.ts";
import { CHARACTER, plot, wholeTicks } from "../charts.ts";
import type { ChartDocument } from "../document.ts";
import { printable, shorten } from "../format.ts";
import { CHART_WIDTH, LINE_COLORS } from "../style.ts";

/** A mean and how far runs are from it, all in percent or points; no spread for one run. */
export interface Spot {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean and one standard deviation each way, in percent. */
export function spotOf(fractions: readonly number[]): Spot {
  const { mean, standardDeviation } = spread(fractions);
  const deviation = standardDeviation ?? 0;
  return { mean: 100 * mean, low: 100 * (mean - deviation), high: 100 * (mean + deviation) };
}

/** A curve over tasks: places without a value are null. */
export type Curve = readonly (Spot | null)[];

/** Dashes of the lines after the first eight, which have the same colors again. */
const DASHES = ["none", "6 3", "2 3"];

/** So many lines can be told apart. */
export const MOST_LINES = LINE_COLORS * DASHES.length;

/** How line k is drawn, for charts and for the key beside them. */
export const lineStyle = (k: number): { readonly color: string; readonly dashes: string } => ({
  color: `var(--line-${k % LINE_COLORS})`,
  dashes: DASHES[Math.floor(k / LINE_COLORS)]!,
});

/** Share of the room between two tasks over which error bars of one task are spread, so that they don't cover each other. */
const SIDESTEP = 0.3;
const MOST_MARKED = 40;

/** Mean accuracy after every task, a line a method, with the standard deviation over runs as a bar. */
export function curvesWithSpread(document: ChartDocument, curves: readonly Curve[]): string {
  const all = curves.flat().filter((spot) => spot !== null);
  const low = Math.max(0, Math.floor(Math.min(...all.map((spot) => spot.low)) / 10 - 0.2) * 10);
  const high = Math.min(100, Math.ceil(Math.max(...all.map((spot) => spot.high)) / 10 + 0.2) * 10);
  const tasks = Math.max(...curves.map((curve) => curve.length));
  // Drawn backwards, so that the first line lies on top.
  const marks = [...curves.keys()].reverse().flatMap((k) => {
    const { color, dashes } = lineStyle(k);
    const step = curves.length < 2 ? 0 : SIDESTEP * (k / (curves.length - 1) - 0.5);
    const points = curves[k]!.flatMap((spot, t) =>
      spot === null ? [] : [{ ...spot, x: t + 1 + (tasks > MOST_MARKED ? 0 : step) }],
    );
    const spread = points.filter((point) => point.high > point.low);
    return [
      Plot.lineY(points, { x: "x", y: "mean", stroke: color, strokeWidth: 1.75, strokeDasharray: dashes }),
      Plot.ruleX(spread, {
        x: "x",
        y1: "low",
        y2: "high",
        stroke: color,
        strokeWidth: 1.25,
        strokeOpacity: 0.7,
      }),
      ...(tasks <= MOST_MARKED ? [Plot.dot(points, { x: "x", y: "mean", fill: color, r: 2.5 })] : []),
    ];
  });
  return plot(document, {
    width: CHART_WIDTH,
    height: 340,
    marginLeft: 44,
    marginTop: 30,
    marginBottom: 40,
    x: {
      domain: [1, tasks],
      ticks: wholeTicks(tasks, CHART_WIDTH),
      tickFormat: "d",
      label: "after task",
      inset: 12,
    },
    y: { domain: [low, high], label: "accuracy, % (micro)", grid: true, nice: false, ticks: 6 },
    marks,
  });
}

/** One line of `spotRows`. */
export interface SpotRow {
  readonly label: string;
  readonly spot: Spot;
  /** Single runs. */
  readonly values: readonly number[];
  readonly color: string;
}

const LONGEST_LABEL = 34;

/** A value a row with its bar, single runs as small dots, and a rule at `at`. */
export function spotRows(
  document: ChartDocument,
  rows: readonly SpotRow[],
  { label, at }: { readonly label: string; readonly at: number | undefined },
): string {
  const names = rows.map((row) => shorten(printable(row.label), LONGEST_LABEL));
  const marginLeft = 14 + Math.max(...names.map((name) => name.length)) * CHARACTER;
  const spots = rows.map(({ spot, color }, y) => ({ ...spot, y, color }));
  const single = rows.flatMap(({ values, color }, y) => values.map((x) => ({ x, y, color })));
  return plot(document, {
    width: Math.min(CHART_WIDTH, Math.max(396, marginLeft + 250)),
    height: 50 + 26 * rows.length,
    marginLeft,
    marginRight: 20,
    marginTop: 4,
    marginBottom: 42,
    x: { label, labelAnchor: "center", labelArrow: "none", grid: true, nice: true, ticks: 5 },
    // Rows by their place: two may have the same name once it is shortened.
    y: {
      type: "band",
      domain: rows.map((_, y) => y),
      tickFormat: (y: number) => names[y]!,
      tickSize: 0,
      label: null,
    },
    marks: [
      ...(at === undefined ? [] : [Plot.ruleX([at], { stroke: "currentColor", strokeDasharray: "4 3" })]),
      Plot.ruleY(spots, { y: "y", x1: "low", x2: "high", stroke: "color", strokeWidth: 2 }),
      Plot.dot(single, { x: "x", y: "y", stroke: "color", strokeOpacity: 0.7, r: 2.5 }),
      Plot.dot(spots, { x: "mean", y: "y", fill: "color", r: 4.5 }),
    ],
  });
}
