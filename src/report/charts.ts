/** @file Charts as SVG text, by Observable Plot on a document that is handed in. Colors are CSS variables of style.ts. */

import * as Plot from "@observablehq/plot";
import type { ChartDocument, SvgNode } from "./document.ts";
import { printable, shorten } from "./format.ts";
import { CHART_WIDTH, DARK_TEXT_LEVELS, HEAT_LEVELS } from "./style.ts";

const SVG = "http://www.w3.org/2000/svg";
const FONT_SIZE = 12;
/** Width of an average character at FONT_SIZE. */
export const CHARACTER = 7;
/** Beyond this many columns a cell has no room for its number. */
const NUMBERED_COLUMNS = 20;
const LONGEST_LABEL = 18;

/** A matrix drawn as cells. */
export interface HeatMap {
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  readonly columnTitle: string;
  readonly rowTitle: string;
  /** cells[row][column]; null is left blank. */
  readonly cells: readonly (readonly (number | null)[])[];
  /** Place of a value on the color ramp, 0 to 1. */
  readonly level: (value: number) => number;
  readonly text: (value: number) => string;
  /** Width to fill, for panels side by side. */
  readonly width?: number;
}

/** Cells colored by value, with their numbers where there is room. */
export function heatMap(document: ChartDocument, map: HeatMap): string {
  const numbered = map.columns.length <= NUMBERED_COLUMNS;
  const rowLabels = uniqueLabels(map.rows);
  const columnLabels = uniqueLabels(map.columns);
  const marginLeft = 12 + CHARACTER * Math.max(...rowLabels.map((label) => label.length));
  const room = ((map.width ?? CHART_WIDTH) - marginLeft) / Math.max(1, map.columns.length);
  const cellWidth = Math.max(3, Math.floor(numbered ? Math.min(Math.max(room, 32), 54) : room));
  const cellHeight = numbered
    ? 26
    : Math.max(4, Math.min(16, Math.floor(480 / Math.max(1, map.rows.length))));
  const title = `${map.rowTitle} ↓  ${map.columnTitle} →`;
  const cellsWidth = cellWidth * map.columns.length;
  // A map of few columns still has room for its title, which starts at the left edge.
  const marginRight = Math.max(14, CHARACTER * (title.length + 2) - marginLeft - cellsWidth);
  const margins = { marginLeft, marginRight, marginTop: 44, marginBottom: 6 };
  const width = marginLeft + marginRight + cellsWidth;
  const height = margins.marginTop + margins.marginBottom + cellHeight * map.rows.length;
  const numbers = map.cells.flatMap((row, r) =>
    row.flatMap((value, c) =>
      value === null
        ? []
        : [{ x: columnLabels[c]!, y: rowLabels[r]!, text: map.text(value), level: heatLevel(map, value) }],
    ),
  );
  const number = (high: boolean): Plot.Markish =>
    Plot.text(
      numbers.filter((cell) => cell.level >= DARK_TEXT_LEVELS === high),
      { x: "x", y: "y", text: "text", fill: high ? "var(--heat-ink-high)" : "var(--heat-ink-low)" },
    );
  const cellPaths = () => drawCells(document, map, { ...margins, cellWidth, cellHeight });
  return plot(document, {
    ariaLabel: `Matrix: ${map.columnTitle} by ${map.rowTitle}`,
    ...margins,
    width,
    height,
    x: { type: "band", domain: columnLabels, padding: 0 },
    y: { type: "band", domain: rowLabels, padding: 0 },
    marks: [
      // Plot's types know a mark as a function that gives an SVGElement of the DOM library.
      cellPaths as unknown as Plot.Markish,
      ...(numbered ? [number(false), number(true)] : []),
      Plot.axisX({
        anchor: "top",
        label: title,
        labelArrow: "none",
        ticks: thinned(columnLabels, 20),
        tickSize: 0,
        labelAnchor: "left",
      }),
      Plot.axisY({ label: null, ticks: thinned(rowLabels, numbered ? 60 : 25), tickSize: 0 }),
    ],
  });
}

/**
 * One path per color, with neighbors of one color in a row as one rectangle: 100 tasks have 5,050 cells, and an
 * element for each would make the report several times larger.
 */
function drawCells(
  document: ChartDocument,
  map: HeatMap,
  size: { marginLeft: number; marginTop: number; cellWidth: number; cellHeight: number },
): SvgNode {
  const gap = size.cellWidth >= 12 && size.cellHeight >= 12 ? 1 : 0;
  const paths = new Map<number, string>();
  map.cells.forEach((row, r) => {
    let start = 0;
    for (let c = 1; c <= row.length; c++) {
      const level = heatLevel(map, row[start] ?? null);
      if (gap === 0 && c < row.length && heatLevel(map, row[c] ?? null) === level) continue;
      if (level >= 0) {
        const width = (c - start) * size.cellWidth - gap;
        const place = `M${size.marginLeft + start * size.cellWidth} ${size.marginTop + r * size.cellHeight}`;
        const shape = `h${width}v${size.cellHeight - gap}h${-width}z`;
        paths.set(level, (paths.get(level) ?? "") + place + shape);
      }
      start = c;
    }
  });
  const group = document.createElementNS(SVG, "g");
  for (const [level, shape] of paths) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("fill", `var(--heat-${level})`);
    path.setAttribute("d", shape);
    group.append(path);
  }
  return group;
}

/** Step of the color ramp, -1 for a blank cell. */
function heatLevel(map: HeatMap, value: number | null): number {
  if (value === null) return -1;
  const place = Math.min(Math.max(map.level(value), 0), 1);
  return Math.min(HEAT_LEVELS - 1, Math.floor(place * HEAT_LEVELS));
}

/** The horizontal axis of curves: tasks, unless told otherwise. */
export interface CurveAxis {
  /** Place of each value. */
  readonly at: readonly number[];
  readonly label: string;
}

/**
 * Accuracy (0 to 1) at two or more places, one line per readout; line k has the color --line-k. A line passes over
 * values that are null.
 */
export function accuracyCurves(
  document: ChartDocument,
  series: readonly (readonly (number | null)[])[],
  axis?: CurveAxis,
  width: number = CHART_WIDTH,
): string {
  const { at, label } = axis ?? {
    at: Array.from({ length: Math.max(...series.map((values) => values.length)) }, (_, t) => t + 1),
    label: "after task",
  };
  const [first, last] = [at[0]!, at.at(-1)!];
  // Drawn backwards, so that the first line lies on top.
  const marks = [...series.keys()].reverse().flatMap((k) => {
    const points = series[k]!.flatMap((value, t) => (value === null ? [] : [{ x: at[t]!, y: 100 * value }]));
    const color = `var(--line-${k})`;
    const strokeWidth = k === 0 ? 2.5 : 1.75;
    return [
      Plot.lineY(points, { x: "x", y: "y", stroke: color, strokeWidth }),
      ...(at.length <= 40 ? [Plot.dot(points, { x: "x", y: "y", fill: color, r: k === 0 ? 3.5 : 2.5 })] : []),
    ];
  });
  return plot(document, {
    ariaLabel: `Accuracy by ${label}`,
    width,
    height: 300,
    marginLeft: 44,
    marginTop: 30,
    marginBottom: 40,
    x: {
      domain: axis === undefined ? [1, last] : [first, last],
      ticks: axis === undefined ? wholeTicks(last, width) : width / 100,
      tickFormat: "d",
      label,
      inset: 8,
    },
    y: { domain: [0, 100], label: "accuracy, % (micro)", grid: true, nice: false, ticks: 6 },
    marks,
  });
}

/** Training loss over all epochs of all tasks, a line per task and a rule where a task starts. */
export function lossCurve(
  document: ChartDocument,
  epochs: readonly { readonly task: number; readonly loss: number }[],
  width: number = CHART_WIDTH,
): string {
  const points = epochs.map(({ task, loss }, k) => ({ x: k + 1, y: loss, task }));
  const starts = points.filter((point, k) => k > 0 && points[k - 1]!.task !== point.task);
  return plot(document, {
    ariaLabel: "Training loss by epoch",
    width,
    height: 240,
    marginLeft: 44,
    marginTop: 30,
    marginBottom: 40,
    x: { ticks: wholeTicks(points.length, width), tickFormat: "d", label: "epoch, over all tasks", inset: 8 },
    y: { label: "mean training loss", grid: true, zero: true, nice: true, ticks: 5 },
    marks: [
      ...(starts.length <= 40
        ? [
            Plot.ruleX(starts, {
              x: (point: { x: number }) => point.x - 0.5,
              stroke: "currentColor",
              strokeOpacity: 0.25,
              strokeDasharray: "3 3",
            }),
          ]
        : []),
      Plot.lineY(points, { x: "x", y: "y", z: "task", stroke: "var(--line-0)", strokeWidth: 2 }),
      ...(points.length <= 200 ? [Plot.dot(points, { x: "x", y: "y", fill: "var(--line-0)", r: 2.5 })] : []),
    ],
  });
}

/** One bar per task. */
export function taskBars(
  document: ChartDocument,
  values: readonly number[],
  label: string,
  text: (value: number) => string,
  width: number = CHART_WIDTH,
): string {
  const points = values.map((value, t) => ({ task: String(t + 1), value }));
  return plot(document, {
    ariaLabel: `${label} by task`,
    width,
    height: 220,
    marginLeft: 64,
    marginTop: 30,
    marginBottom: 40,
    x: { type: "band", domain: points.map((point) => point.task), label: "after task" },
    y: { label, grid: true, zero: true, nice: true, ticks: 5, tickFormat: text },
    marks: [
      Plot.barY(points, { x: "task", y: "value", fill: "var(--line-0)", insetLeft: 0.5, insetRight: 0.5 }),
      Plot.axisX({
        ticks: thinned(
          points.map((point) => point.task),
          Math.min(20, width / 40),
        ),
        tickSize: 0,
        label: "after task",
      }),
      Plot.ruleY([0]),
    ],
  });
}

/** A chart as SVG text, in the page's font size. */
export function plot(document: ChartDocument, options: Plot.PlotOptions): string {
  // Plot returns a figure only for titles and legends, which the page writes itself; so this is one SVG element.
  const svg = Plot.plot({
    ...options,
    document: document as never,
    style: { fontSize: `${FONT_SIZE}px` },
  }) as unknown as SvgNode;
  svg.setAttribute("role", "img");
  // A narrow phone scrolls a chart sideways rather than shrinking its text away.
  svg.setAttribute(
    "style",
    `font-size:${FONT_SIZE}px;min-width:${Math.round(0.76 * (options.width ?? CHART_WIDTH))}px`,
  );
  // Only the whole is an image with a name: groups inside, which Plot names too, may not have one.
  return svg.outerHTML.replaceAll(/(<g [^>]*?) aria-label="[^"]*"/g, "$1");
}

/** Band scales merge equal names, so a name that occurs again gets its number. */
function uniqueLabels(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const label = shorten(printable(name), LONGEST_LABEL);
    const times = (seen.get(label) ?? 0) + 1;
    seen.set(label, times);
    return times === 1 ? label : `${label} (${times})`;
  });
}

/** At most `limit` of the labels: of numbers, the multiples of 2, 5, 10, ... */
function thinned(labels: readonly string[], limit: number): string[] {
  const every = tickStep(labels.length, limit);
  return labels.filter((label, k) => (Number.isNaN(Number(label)) ? k : Number(label)) % every === 0);
}

/** Whole numbers from 1, as many as there is room for: at most 20. */
export function wholeTicks(last: number, width: number): number[] {
  const every = tickStep(last, Math.min(20, width / 40));
  return Array.from({ length: Math.floor(last / every) }, (_, k) => (k + 1) * every);
}

function tickStep(count: number, limit: number): number {
  return (
    [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => count / step <= limit) ?? Math.ceil(count / limit)
  );
}
