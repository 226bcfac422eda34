/** @file A profile for people: where the time went by phase and by operator, and a Chrome trace of it. */
import type { Span } from "../train/tracer.ts";
import { count, decimal } from "./format.ts";
import { escapeMarkdown } from "./text-table.ts";

/** Runs of one operator, on inputs of the same shapes, in one phase. */
export interface OperatorTime {
  readonly operator: string;
  /** "[788,384] [384,384]" */
  readonly shapes: string;
  /** Phase of the run of the graph: "training". */
  readonly phase: string;
  readonly milliseconds: number;
  readonly calls: number;
}

/** One operator at work. */
export interface OperatorEvent {
  readonly name: string;
  readonly operator: string;
  readonly shapes: string;
  /** Milliseconds on the clock of the spans. */
  readonly start: number;
  readonly milliseconds: number;
}

/** What a profile tells. */
export interface ProfileReport {
  /** Of the whole run. */
  readonly milliseconds: number;
  readonly spans: readonly Span[];
  readonly operators: readonly OperatorTime[];
  /** What a reader has to know about the numbers, a sentence each. */
  readonly notes: readonly string[];
}

const SLOWEST = 20;
const ARROW = " › ";

/** The profile as a Markdown page. */
export function profilePage({ milliseconds, spans, operators, notes }: ProfileReport): string {
  const inGraphs = sum(operators.map((each) => each.milliseconds));
  const phases = [...totals(operators, ({ phase }) => phase).keys()];
  const byOperator = [...totals(operators, ({ operator }) => operator)].map(([name, all]) => {
    const perPhase = phases.map((phase) =>
      decimal(sum(all.of.filter((each) => each.phase === phase).map((each) => each.milliseconds)), 0),
    );
    return [
      name,
      decimal(all.milliseconds, 0),
      share(all.milliseconds, inGraphs),
      count(all.calls),
      ...perPhase,
    ];
  });
  const byShape = [...totals(operators, ({ operator, shapes }) => `${operator} ${shapes}`)]
    .slice(0, SLOWEST)
    .map(([name, all]) => {
      return [name, decimal(all.milliseconds, 0), share(all.milliseconds, inGraphs), count(all.calls)];
    });
  return [
    "# Where the time went",
    ...notes,
    "## By phase\n\n`self` is what a phase spends outside of the phases below it.",
    table(["phase", "ms", "share", "self ms", "calls"], phaseRows(spans, milliseconds)),
    "## By operator",
    table(["operator", "ms", "share", "calls", ...phases.map((phase) => `ms, ${phase}`)], byOperator),
    `## The ${SLOWEST} slowest operators by the shapes of their inputs`,
    table(["operator", "ms", "share", "calls"], byShape),
    "",
  ].join("\n\n");
}

/** Spans of one path, and those below. */
interface PhaseNode {
  milliseconds: number;
  calls: number;
  readonly below: Map<string, PhaseNode>;
}

const emptyPhase = (): PhaseNode => ({ milliseconds: 0, calls: 0, below: new Map() });

/** Phases as a tree, each level slowest first, and what lies outside of all. */
function phaseRows(spans: readonly Span[], milliseconds: number): string[][] {
  const root = emptyPhase();
  for (const span of spans) {
    let node = root;
    for (const name of span.path) {
      const next = node.below.get(name) ?? emptyPhase();
      node.below.set(name, next);
      node = next;
    }
    node.milliseconds += span.milliseconds;
    node.calls++;
  }
  const selfTime = (node: PhaseNode): number =>
    node.milliseconds - sum([...node.below.values()].map((child) => child.milliseconds));
  const rowsBelow = (node: PhaseNode, path: readonly string[]): string[][] =>
    [...node.below]
      .sort(([, a], [, b]) => b.milliseconds - a.milliseconds)
      .flatMap(([name, child]) => [
        [
          [...path, name].join(ARROW),
          decimal(child.milliseconds, 0),
          share(child.milliseconds, milliseconds),
          decimal(selfTime(child), 0),
          count(child.calls),
        ],
        ...rowsBelow(child, [...path, name]),
      ]);
  const outside = selfTime({ ...root, milliseconds });
  return [
    ...rowsBelow(root, []),
    ["(the rest)", decimal(outside, 0), share(outside, milliseconds), decimal(outside, 0), "–"],
  ];
}

/** Sums by a key, the slowest first. */
function totals(
  operators: readonly OperatorTime[],
  key: (each: OperatorTime) => string,
): Map<string, { milliseconds: number; calls: number; of: OperatorTime[] }> {
  const groups = new Map<string, { milliseconds: number; calls: number; of: OperatorTime[] }>();
  for (const each of operators) {
    const group = groups.get(key(each)) ?? { milliseconds: 0, calls: 0, of: [] };
    group.milliseconds += each.milliseconds;
    group.calls += each.calls;
    group.of.push(each);
    groups.set(key(each), group);
  }
  return new Map([...groups].sort(([, a], [, b]) => b.milliseconds - a.milliseconds));
}

/** The first column is text, all others numbers. */
function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const ruler = header.map((_, column) => (column === 0 ? ":---" : "---:"));
  return [header.map(escapeMarkdown), ruler, ...rows.map((row) => row.map(escapeMarkdown))]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

const share = (part: number, whole: number): string => `${decimal((100 * part) / whole, 1)} %`;
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Spans and operators as JSON of the Trace Event Format, which chrome://tracing and ui.perfetto.dev open.
 * @param began time 0 of the trace, on the clock of the spans
 */
export function chromeTrace(
  spans: readonly Span[],
  operators: readonly OperatorEvent[],
  began: number,
): string {
  const event = (
    name: string,
    category: string,
    { start, milliseconds }: Pick<Span, "start" | "milliseconds">,
    args: object,
  ): string =>
    JSON.stringify({
      name,
      cat: category,
      ph: "X",
      pid: 1,
      tid: 1,
      ts: microseconds(start - began),
      dur: microseconds(milliseconds),
      args,
    });
  const events = [
    ...spans.map((span) => event(span.path.at(-1)!, "phase", span, {})),
    ...operators.map((each) => {
      const { name, operator, shapes } = each;
      return event(operator, "operator", each, { node: name, inputs: shapes });
    }),
  ];
  return `{"displayTimeUnit":"ms","traceEvents":[\n${events.join(",\n")}\n]}\n`;
}

const microseconds = (milliseconds: number): number => Math.round(1000 * milliseconds);
