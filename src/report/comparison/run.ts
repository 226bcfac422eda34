/** @file A run as it comes into a comparison. */
import type { RunMetrics } from "../../metrics/run-metrics.ts";

/** A finished run and what is known of it. */
export interface ComparedRun {
  /** The contents of metrics.json. */
  readonly metrics: RunMetrics;
  /** The contents of config.json, where it is there: it tells apart what metrics.json does not. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** What it is grouped by; default its method. Needed where one method ran with several settings. */
  readonly label?: string | undefined;
  /** The head that was asked for, of this run; left out: as the comparison chooses. */
  readonly readout?: string | undefined;
}

/** What a run is grouped by. */
export const labelOf = ({ label, metrics }: ComparedRun): string => label ?? metrics.method;
