/**
 * @file The README's table of methods, from kept runs.
 *
 *     npx tsx scripts/readme-table.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spread } from "../src/metrics/paired.ts";
import { bytes } from "../src/report/format.ts";
import { FIELD, fieldRuns } from "./field.ts";
import { withMarked } from "./marked.ts";
import { accuraciesOf } from "./results-index.ts";

/** Where it stands. */
export const README = fileURLToPath(new URL("../README.md", import.meta.url));

/** The README with its table as the kept runs have it. */
export function readmeWithTable(page: string): string {
  return withMarked(page, "methods", table());
}

function table(): string {
  const lines = FIELD.map(({ method, head, what }) => {
    const metrics = fieldRuns({ method, head });
    const percents = (of: "last" | "average"): string => {
      // Methods of one task have no average over tasks.
      if (of === "average" && metrics.some(({ accuracyMatrix }) => accuracyMatrix.length < 2)) return "–";
      const { mean, standardDeviation } = spread(metrics.map((each) => 100 * accuraciesOf(each)[head]![of]!));
      return `${mean.toFixed(1)} ± ${(standardDeviation ?? 0).toFixed(1)}`;
    };
    const state = bytes(metrics[0]!.readouts[head]!.stateBytes!.at(-1)!);
    return `| \`${method}\` | ${what} | ${percents("last")} | ${percents("average")} | ${state} |`;
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
