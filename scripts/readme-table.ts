/**
 * @file The README's table of methods, from the runs kept in docs/results/cifar100.
 *
 *     npx tsx scripts/readme-table.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spread } from "../src/metrics/paired.ts";
import { bytes } from "../src/report/format.ts";
import { accuraciesOf, keptRuns } from "./results-index.ts";

/** Where it stands. */
export const README = fileURLToPath(new URL("../README.md", import.meta.url));

const [BEGIN, END] = ["<!-- methods -->", "<!-- /methods -->"];

interface Row {
  readonly method: string;
  readonly what: string;
  /** Name of the kept runs without their seed, and the head that classifies. */
  readonly runs: string;
  readonly head: string;
}

const ROWS: readonly Row[] = [
  {
    method: "`fm-lora`",
    what: "shared low-rank subspace, rank selector, prompts; classified by LDA",
    runs: "fm-lora",
    head: "lda",
  },
  { method: "`fm-lora`", what: "the same run, its trained rows", runs: "fm-lora", head: "rows" },
  {
    method: "`seq-lora`",
    what: "one LoRA pair on every task in turn, at its best rate; LDA",
    runs: "seq-lora-bases-rate-0.00015",
    head: "lda",
  },
  {
    method: "`seq-lora`",
    what: "the same run, its trained rows",
    runs: "seq-lora-bases-rate-0.00015",
    head: "rows",
  },
  { method: "`lda`", what: "no training: LDA on the frozen backbone", runs: "ncm", head: "lda" },
  { method: "`ncm`", what: "no training: nearest class mean", runs: "ncm", head: "ncm" },
  { method: "`joint`", what: "all tasks at once: the upper bound; rows", runs: "joint", head: "rows" },
];

/** The README with its table as the kept runs have it. */
export function readmeWithTable(page: string): string {
  const [start, stop] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (start < 0 || stop < start) throw new Error(`${README}: expected ${BEGIN} and ${END}`);
  return `${page.slice(0, start + BEGIN.length)}\n${table()}\n${page.slice(stop)}`;
}

function table(): string {
  const kept = keptRuns("cifar100");
  const lines = ROWS.map(({ method, what, runs, head }) => {
    const own = [...kept].filter(([name]) => name.replace(/-\d+$/, "") === runs);
    const metrics = own.map(([, run]) => run.metrics);
    const percents = (of: "last" | "average"): string => {
      // Methods of one task have no average over tasks.
      if (of === "average" && metrics.some(({ accuracyMatrix }) => accuracyMatrix.length < 2)) return "–";
      const { mean, standardDeviation } = spread(metrics.map((each) => 100 * accuraciesOf(each)[head]![of]!));
      return `${mean.toFixed(1)} ± ${(standardDeviation ?? 0).toFixed(1)}`;
    };
    const state = bytes(metrics[0]!.stateBytes.at(-1)!);
    return `| ${method} | ${what} | ${percents("last")} | ${percents("average")} | ${state} |`;
  });
  return [
    "| method | what it is | last % | average % | state |",
    "| :--- | :--- | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(README, readmeWithTable(readFileSync(README, "utf8")));
}
