/** @file Methods compared over seeds, as plain-text and Markdown tables. */
import { pairedDifference, spread } from "../metrics/paired.ts";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { InputError } from "../tensor/errors.ts";
import { bytes, count, duration, percent, printable, rate } from "./format.ts";
import { benchmarkText, lastDomains, summaryNumbers, traitsText } from "./summary.ts";
import { escapeMarkdown, formatTable, type TableFormat } from "./text-table.ts";

/** What `comparisonTable` compares, and how it writes. */
export interface ComparisonOptions {
  /** Default "markdown". */
  readonly format?: TableFormat;
  /** The label that the others are compared with; default: that of the first run. */
  readonly reference?: string;
  /** What a run is grouped by; default its method. Needed where one method ran with several settings. */
  readonly label?: (run: RunMetrics) => string;
}

/**
 * Methods side by side: mean ± standard deviation over their runs, then each method's paired difference from the
 * reference over the seeds both ran, with a 95 % t interval and "tie" where it holds zero. Runs on different
 * benchmarks or backbones go into tables of their own.
 */
export function comparisonTable(runs: readonly RunMetrics[], options: ComparisonOptions = {}): string {
  if (runs.length === 0) throw new InputError("comparison: no runs; give at least one metrics.json");
  const format = options.format ?? "markdown";
  const label = options.label ?? ((run: RunMetrics) => run.method);
  const reference = options.reference ?? label(runs[0]!);
  if (!runs.some((run) => label(run) === reference))
    throw new InputError(
      `comparison: no run of the reference ${reference}; there are ${[...new Set(runs.map(label))].join(", ")}`,
    );
  const settings = groupBy(runs, setting);
  const parts: string[] = [];
  for (const [setting, settingRuns] of settings) {
    const groups = groupBy(settingRuns, label);
    for (const [name, group] of groups) refuseRepeatedSeed(name, group);
    parts.push(
      format === "text" ? printable(setting) : `**${escapeMarkdown(setting)}**`,
      spreadTable(groups, format),
    );
    const traits = traitsTable(groups, format);
    if (traits !== "") parts.push(traits);
    const domains = domainTable(groups, format);
    if (domains !== "") parts.push(domains);
    const referenceRuns = groups.get(reference);
    if (referenceRuns !== undefined && groups.size > 1)
      parts.push(
        `Difference from ${format === "text" ? printable(reference) : escapeMarkdown(reference)} in points, paired by seed, with its 95 % interval:`,
        differenceTable(groups, reference, referenceRuns, format),
      );
  }
  return `${parts.join("\n\n")}\n`;
}

function spreadTable(groups: ReadonlyMap<string, readonly RunMetrics[]>, format: TableFormat): string {
  const numbers = summaryNumbers([...groups.values()].flat());
  const rows = [...groups].map(([name, group]) => {
    const average = (value: (run: RunMetrics) => number): number => spread(group.map(value)).mean;
    return [
      name,
      [...new Set(group.map((run) => run.readout))].join(", "),
      String(group.length),
      ...numbers.map(({ value, ofStream }) =>
        ofStream && !group.every(isStream) ? "–" : meanAndDeviation(group.map(value)),
      ),
      bytes(average((run) => run.stateBytes.at(-1) ?? Number.NaN)),
      rate(average((run) => run.imagesPerSecond)),
      duration(average((run) => run.seconds)),
    ];
  });
  const titles = ["runs", ...numbers.map(({ title }) => title), "state", "images/s", "time"];
  return formatTable(
    [
      { title: "method", left: true },
      { title: "readout", left: true },
      ...titles.map((title) => ({ title })),
    ],
    rows,
    format,
  );
}

/** What the methods train, keep and cost; "" where no run says it. */
function traitsTable(groups: ReadonlyMap<string, readonly RunMetrics[]>, format: TableFormat): string {
  const rows = [...groups].flatMap(([name, [run]]) =>
    run?.traits === undefined ? [] : [[name, traitsText(run.traits)]],
  );
  if (rows.length === 0) return "";
  return formatTable(
    [
      { title: "method", left: true },
      { title: "trains, keeps, costs", left: true },
    ],
    rows,
    format,
  );
}

/** Accuracy on each domain after the last task; "" where no run has test images of several domains. */
function domainTable(groups: ReadonlyMap<string, readonly RunMetrics[]>, format: TableFormat): string {
  const tables = [...groups].map(([name, group]) => ({
    name,
    runs: group.map((run) => lastDomains(run.domainNames, run)),
  }));
  const names = [
    ...new Set(tables.flatMap(({ runs }) => runs.flatMap((domains) => domains.map((each) => each.name)))),
  ];
  if (names.length < 2) return "";
  const rows = tables.map(({ name, runs }) => [
    name,
    ...names.map((domain) =>
      meanAndDeviation(runs.map((domains) => domains.find((each) => each.name === domain)?.accuracy)),
    ),
  ]);
  return formatTable(
    [{ title: "last % by domain", left: true }, ...names.map((title) => ({ title }))],
    rows,
    format,
  );
}

function differenceTable(
  groups: ReadonlyMap<string, readonly RunMetrics[]>,
  reference: string,
  referenceRuns: readonly RunMetrics[],
  format: TableFormat,
): string {
  const bySeed = new Map(referenceRuns.map((run) => [seeds(run), run]));
  const rows = [...groups]
    .filter(([name]) => name !== reference)
    .map(([name, group]) => {
      const pairs = group.flatMap((run) => {
        const other = bySeed.get(seeds(run));
        return other === undefined ? [] : [[run, other] as const];
      });
      if (pairs.length === 0) return [name, "0", "–", "no common seed", "–", "no common seed"];
      const cells = (value: (run: RunMetrics) => number | null): string[] => {
        const values = pairs.map(([run]) => value(run));
        const others = pairs.map(([, other]) => value(other));
        if (!areNumbers(values) || !areNumbers(others)) return ["–", "not evaluated"];
        const difference = pairedDifference(values, others);
        const interval = difference.interval;
        return [
          interval === null
            ? signed(difference.mean)
            : `${signed(difference.mean)} (${signed(interval[0])} to ${signed(interval[1])})`,
          difference.verdict,
        ];
      };
      return [
        name,
        String(pairs.length),
        ...cells((run) => run.lastAccuracy),
        ...(pairs.every(([run, other]) => run.testImages.length === other.testImages.length)
          ? cells((run) => run.averageAccuracy)
          : ["–", "other tasks"]),
      ];
    });
  return formatTable(
    [
      { title: "method", left: true },
      { title: "pairs" },
      { title: "last" },
      { title: "verdict", left: true },
      { title: "average" },
      { title: "verdict", left: true },
    ],
    rows,
    format,
  );
}

function groupBy(runs: readonly RunMetrics[], key: (run: RunMetrics) => string): Map<string, RunMetrics[]> {
  const groups = new Map<string, RunMetrics[]>();
  for (const run of runs) {
    const group = groups.get(key(run));
    if (group === undefined) groups.set(key(run), [run]);
    else group.push(run);
  }
  return groups;
}

/** What runs must share to be compared: also the split, and the images that accuracy is a share of. */
function setting(run: RunMetrics): string {
  const images = run.testImages.reduce((sum, count) => sum + count, 0);
  return `${benchmarkText(run)}, ${run.backbone}, ${count(images)} ${run.evaluatedOn} images`;
}

/** Average and forgetting are over tasks: with one task there is nothing to tell. */
const isStream = (run: RunMetrics): boolean => run.testImages.length > 1;

/** Two runs pair where the same seeds drove both. */
function seeds(run: RunMetrics): string {
  return `${run.seed}/${run.orderSeed}`;
}

function refuseRepeatedSeed(name: string, group: readonly RunMetrics[]): void {
  const seen = new Set<string>();
  for (const run of group) {
    if (seen.has(seeds(run)))
      throw new InputError(
        `comparison: two runs of ${name} have seed ${run.seed} and order seed ${run.orderSeed ?? "none"}; give runs with different settings different labels`,
      );
    seen.add(seeds(run));
  }
}

type Maybe = number | null | undefined;

const areNumbers = (values: readonly Maybe[]): values is readonly number[] =>
  values.every((value) => typeof value === "number");

/** "–" where a run has no such number: a mean over the others would look like one over all. */
function meanAndDeviation(fractions: readonly Maybe[]): string {
  if (!areNumbers(fractions)) return "–";
  const { mean, standardDeviation } = spread(fractions);
  return standardDeviation === null ? percent(mean) : `${percent(mean)} ± ${percent(standardDeviation)}`;
}

function signed(fraction: number): string {
  const text = percent(fraction);
  return Number(text) > 0 ? `+${text}` : text;
}
