/** @file `fmlora data`: the benchmarks, what each needs, where it comes from, its size and license. */
import type { Benchmark } from "../run/benchmark.ts";
import { propertiesOf } from "../run/checked.ts";
import { settingList } from "./listing.ts";
import { settingsOf } from "./settings.ts";

/** All benchmarks as text, a block each. */
export function benchmarkList(benchmarks: readonly Benchmark[]): string {
  return benchmarks.map(block).join("\n");
}

/** The same as JSON, for programs: an array of objects; null where nothing applies. */
export function benchmarkJson(benchmarks: readonly Benchmark[]): string {
  const rows = benchmarks.map(({ name, kind, tasks, summary, needs, usesData, options, source }) => ({
    name,
    kind,
    tasks,
    summary,
    needs,
    usesData,
    options: propertiesOf(options),
    source: { ...source, hub: source.hub && { ...source.hub, files: source.hub.files.source } },
  }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}

function block({ name, summary, kind, tasks, needs, options, source }: Benchmark): string {
  const { home, hub, license } = source;
  const rows = [
    `${kind}, ${tasks} tasks unless told otherwise`,
    `needs ${needs}`,
    ...(home === null ? [] : [`from ${home}`]),
    ...(hub === null
      ? []
      : [`fmlora data fetch ${name}: ${hub.repo} from the Hugging Face Hub (${hub.note})`]),
    ...(source.images === null ? [] : [sizeLine(source)]),
    `license: ${license}`,
  ];
  return `${name}: ${summary}\n${rows.map((row) => `  ${row}\n`).join("")}${settingList(settingsOf(options))}`;
}

function sizeLine({ images, classes, bytes }: Benchmark["source"]): string {
  const size = bytes === null ? "" : `, ${sizeText(bytes)}`;
  return `${images!.toLocaleString("en")} images of ${classes} classes${size}`;
}

/** 1150000000 -> "1.15 GB" */
export function sizeText(bytes: number): string {
  for (const [unit, name] of [
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
  ] as const) {
    if (bytes >= unit) return `${Number((bytes / unit).toPrecision(3))} ${name}`;
  }
  return `${bytes} bytes`;
}
