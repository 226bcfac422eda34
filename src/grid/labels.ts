/** @file What cells are called: the settings in which they differ. */
import { grouped } from "./grouped.ts";
import { type Settings, textOf } from "./values.ts";

/** Names of a cell among the others of its grid. */
export interface Labels {
  /** "fm-lora, seed 1, rank 8" */
  readonly label: string;
  /** "fm-lora, rank 8": the same for every seed; what comparisons group by. */
  readonly group: string;
}

/** Comparisons pair seeds, and have a table for every data set and backbone. */
const NO_GROUP: readonly string[] = [
  "seed",
  "order-seed",
  "benchmark",
  "backbone",
  "data",
  "workers",
  "cache",
  "baseline",
  "report-images",
];

/** Labels of all cells of a grid. */
export function groupLabels(cells: readonly Settings[]): Labels[] {
  const methods = grouped(cells, ({ method }) => textOf(method!));
  const varying = new Map([...methods].map(([method, own]) => [method, varyingFlags(own)]));
  const benchmarks = new Set(cells.map(({ benchmark }) => benchmark)).size;
  return cells.map((settings) => {
    const method = textOf(settings.method!);
    const flags = varying.get(method)!.filter((flag) => settings[flag] !== undefined);
    const text = (flag: string): string => `${flag} ${textOf(settings[flag]!)}`;
    const named = flags.filter((flag) => flag !== "benchmark");
    return {
      label: [method, ...(benchmarks > 1 ? [textOf(settings.benchmark!)] : []), ...named.map(text)].join(
        ", ",
      ),
      group: [method, ...flags.filter((flag) => !NO_GROUP.includes(flag)).map(text)].join(", "),
    };
  });
}

/** Flags that not all cells have the same value of. */
function varyingFlags(cells: readonly Settings[]): string[] {
  const flags = new Set(cells.flatMap((settings) => Object.keys(settings)));
  return [...flags].filter((flag) => {
    const texts = cells.map((settings) => (settings[flag] === undefined ? "" : textOf(settings[flag])));
    return new Set(texts).size > 1;
  });
}
