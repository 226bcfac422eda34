/** @file Pictures of a run: charts with their titles as one SVG that needs no style sheet. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { accuracyCurves, heatMap } from "./charts.ts";
import type { ChartDocument } from "./document.ts";
import { escapeHtml, percent } from "./format.ts";
import { STYLE } from "./style.ts";

const MARGIN = 16;

/** A part of a picture, from top to bottom. */
export interface Part {
  readonly svg: string;
  readonly height: number;
  readonly width: number;
}

/** Accuracy over tasks above the accuracy matrix. */
export function accuracyPicture(
  document: ChartDocument,
  { method, benchmark, backbone, readout, readouts, accuracyMatrix }: RunMetrics,
): string {
  const others = Object.keys(readouts).filter((name) => name !== readout);
  const names = [readout, ...others];
  const columns = accuracyMatrix.map((_, i) => String(i + 1));
  const key = names.map((name, k) => ({
    text: `— ${name} ${percent(readouts[name]!.lastAccuracy)} %`,
    color: `var(--line-${k})`,
  }));
  const heading = `${method} on ${benchmark}, ${backbone}: accuracy on all classes so far`;
  const matrixHeading = `accuracy in % on every task after every task, readout ${readout}`;
  return picture(heading, [
    title(heading),
    colorKey(key),
    sized(
      heading,
      accuracyCurves(
        document,
        names.map((name) => readouts[name]!.accuracyMicro),
      ),
    ),
    title(matrixHeading),
    sized(
      matrixHeading,
      heatMap(document, {
        columns,
        rows: columns,
        columnTitle: "accuracy on task",
        rowTitle: "after task",
        cells: accuracyMatrix.map((row) => columns.map((_, i) => row[i] ?? null)),
        level: (value) => value,
        text: (value) => percent(value),
      }),
    ),
  ]);
}

/** The parts one below the other. */
export function picture(heading: string, parts: readonly Part[]): string {
  let y = MARGIN;
  const placed = parts.map(({ svg, height }) => {
    const group = `<g transform="translate(${MARGIN} ${y})">${svg}</g>`;
    y += height;
    return group;
  });
  const width = Math.max(...parts.map((part) => part.width)) + 2 * MARGIN;
  return inColor(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + MARGIN}" viewBox="0 0 ${width} ${y + MARGIN}" font-family="system-ui, DejaVu Sans, sans-serif" color="var(--ink)" fill="var(--ink)"><title>${escapeHtml(heading)}</title><rect width="100%" height="100%" fill="var(--card)"/>${placed.join("")}</svg>\n`,
  );
}

/** A line of text above a chart. */
export function title(text: string): Part {
  return {
    svg: `<text x="0" y="16" font-size="15" font-weight="600">${escapeHtml(text)}</text>`,
    height: 28,
    width: 0,
  };
}

/** A line of text that says what each color stands for; what has no color is written as other text is. */
export function colorKey(entries: readonly { readonly text: string; readonly color?: string }[]): Part {
  const spans = entries.map(({ text, color }, k) => {
    const fill = color === undefined ? "" : ` fill="${color}"`;
    return `<tspan dx="${k === 0 ? 0 : 18}"${fill}>${escapeHtml(text)}</tspan>`;
  });
  return { svg: `<text x="0" y="14" font-size="13">${spans.join("")}</text>`, height: 24, width: 0 };
}

/** A chart under its name, without its own style, which is for a page around it. */
export function sized(name: string, chart: string): Part {
  const svg = chart
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<svg[^>]*>/, (start) => `${start}<title>${escapeHtml(name)}</title>`);
  const of = (side: string): number => Number(new RegExp(`<svg[^>]* ${side}="([\\d.]+)"`).exec(svg)![1]);
  return { svg, height: of("height") + MARGIN, width: of("width") };
}

/** Colors written out: a picture in a README has no style sheet around it. */
function inColor(svg: string): string {
  const colors = new Map<string, string>();
  for (const [, name, color] of STYLE.matchAll(/--([\w-]+):(#\w+)/g)) {
    if (!colors.has(name!)) colors.set(name!, color!); // light ones come first
  }
  return svg.replaceAll(/var\(--([\w-]+)\)/g, (_, name: string) => colors.get(name)!);
}
