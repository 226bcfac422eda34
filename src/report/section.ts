/** @file What a section of the report is made from. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import type { ChartDocument } from "./document.ts";
import type { RunHistory } from "./history.ts";

/** A finished run, and what to draw it with. */
export interface ReportInput {
  /** What charts are drawn with; nothing is added to it. */
  readonly document: ChartDocument;
  /** The resolved configuration, any JSON. */
  readonly config: unknown;
  readonly metrics: RunMetrics;
  readonly history: RunHistory;
  /** Empty unless they were asked for. */
  readonly mistakes: readonly PicturedMistake[];
}

/** An image that was classified wrong. */
export interface PicturedMistake {
  /** An address that has the image itself: "data:image/webp;base64,…". */
  readonly image: string;
  /** Names of classes. */
  readonly label: string;
  readonly answer: string;
  /** Probability of the answer. */
  readonly sureness: number;
}

/** One picture or table of the report as HTML; "" where a run has no data for it. One file, one line in sections/index.ts. */
export type Section = (input: ReportInput) => string;
