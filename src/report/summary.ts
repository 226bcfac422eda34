/** @file The numbers that a readout is summed up by, and what they are called: the same in every table. */
import type { MethodTraits, ReadoutMetrics, RunMetrics } from "../metrics/run-metrics.ts";

/** One number of a summary, a share from 0 to 1 (differences of shares: from -1). */
export interface SummaryNumber {
  readonly title: string;
  /** A whole stream's: one task alone has none. */
  readonly ofStream: boolean;
  /** Null, or absent in an older metrics.json, where it was not evaluated. */
  readonly value: (readout: ReadoutMetrics) => number | null | undefined;
}

const ALWAYS: readonly SummaryNumber[] = [
  { title: "last %", ofStream: false, value: ({ lastAccuracy }) => lastAccuracy },
  { title: "average %", ofStream: true, value: ({ averageAccuracy }) => averageAccuracy },
  { title: "forgetting", ofStream: true, value: ({ forgetting }) => forgetting },
  { title: "backward transfer", ofStream: true, value: ({ backwardTransfer }) => backwardTransfer },
];
const IF_MEASURED: readonly SummaryNumber[] = [
  { title: "forward transfer", ofStream: true, value: ({ forwardTransfer }) => forwardTransfer },
  { title: "anytime % (A_AUC)", ofStream: false, value: ({ anytimeAccuracy }) => anytimeAccuracy },
];

/** The numbers worth a column for these readouts: the rarer ones where any of them has it. */
export function summaryNumbers(readouts: readonly ReadoutMetrics[]): SummaryNumber[] {
  const measured = IF_MEASURED.filter(({ value }) =>
    readouts.some((readout) => typeof value(readout) === "number"),
  );
  return [...ALWAYS, ...measured];
}

/** Of more domains than this a table is no summary: they are in metrics.json and in the report. */
const MOST_DOMAINS = 20;

/** Domains that have test images, with their accuracy after the last task; none in older files and where they are many. */
export function lastDomains(
  domainNames: readonly string[] | undefined,
  readout: ReadoutMetrics,
): { readonly name: string; readonly accuracy: number }[] {
  const last = readout.domainAccuracy?.at(-1) ?? [];
  const domains = last.flatMap((accuracy, domain) =>
    accuracy === null ? [] : [{ name: domainNames?.[domain] ?? String(domain + 1), accuracy }],
  );
  return domains.length > MOST_DOMAINS ? [] : domains;
}

/**
 * The benchmark, and where they are not its usual ones the split and how it was cut: "imagenet-r as imagenet-r (80 to
 * 20 by seed 1993), B100". Files from before these were recorded count as the usual ones.
 */
export function benchmarkText({ benchmark, dataset, protocol }: Partial<RunMetrics>): string {
  const split = dataset === undefined || dataset === benchmark ? benchmark : `${benchmark} as ${dataset}`;
  const [, ...unusual] = protocol?.split(", ") ?? [];
  return [split, ...unusual].join(", ");
}

/** What a method trains, keeps and costs, as a few words: "added values in every task; grows with classes; 1 forward pass". */
export function traitsText({ trained, trains, grows, forwardPasses }: MethodTraits): string {
  const kept = grows.length === 0 ? "grows with nothing" : `grows with ${grows.join(" and ")}`;
  const passes = forwardPasses === 1 ? "1 forward pass" : `${forwardPasses} forward passes`;
  const what =
    trains === "never"
      ? "trains nothing"
      : `trains ${trained === "nothing" ? "its classifier" : trained} in ${trains === "first task" ? "the first task" : trains}`;
  return `${what}; ${kept}; ${passes} an image`;
}
