/**
 * @file Runs a row of docs/results again and says whether it came within its tolerance.
 *
 *     npm run reproduce -- ROW [OPTIONS OF fmlora run ...]     # such as --data DIR, where it lies elsewhere
 *     npm run reproduce -- --list
 */
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { duration, percent } from "../src/report/format.ts";
import { formatTable } from "../src/report/text-table.ts";
import { suggestion } from "../src/run/names.ts";
import { accuraciesOf, INDEX, type ResultRow } from "./results-index.ts";

/** What a run has come to. */
export interface Reproduction {
  /** Whether every accuracy is within the tolerance, on the same weights and images. */
  readonly reproduced: boolean;
  readonly lines: readonly string[];
}

/** What is compared of a run's folder. */
interface RunFiles {
  readonly metrics: Pick<RunMetrics, "readouts">;
  readonly config: { readonly identity?: { readonly weights?: string; readonly data?: string } };
}

/** Compares a run with its row. */
export function compared(row: ResultRow, { metrics, config }: RunFiles): Reproduction {
  const now = accuraciesOf(metrics);
  const numbers = Object.entries(row.accuracy).flatMap(([head, expected]) =>
    (["last", "average"] as const).map((name) => ({
      head,
      name,
      expected: expected[name],
      measured: now[head]?.[name] ?? null,
    })),
  );
  const within = ({ expected, measured }: (typeof numbers)[number]): boolean =>
    expected === null || measured === null
      ? expected === measured
      : Math.abs(measured - expected) <= row.tolerance;
  const identities = (["weights", "data"] as const).map((name) => ({
    name,
    expected: row[name],
    found: config.identity?.[name] ?? null,
  }));
  const others = identities.filter(({ expected, found }) => expected !== null && expected !== found);
  const table = formatTable(
    [
      { title: "head", left: true },
      { title: "accuracy", left: true },
      { title: "kept %" },
      { title: "now %" },
      { title: "" },
    ],
    numbers.map((each) => [
      each.head,
      each.name,
      percent(each.expected),
      percent(each.measured),
      each.expected === each.measured ? "the same" : within(each) ? "within" : "beyond",
    ]),
    "text",
  );
  const reproduced = numbers.every(within) && others.length === 0;
  return {
    reproduced,
    lines: [
      table,
      ...identities.map(({ name, expected, found }) =>
        expected === null
          ? `${name}: not recorded, now SHA-256 ${found}`
          : `${name}: ${expected === found ? "the same" : `SHA-256 ${found}, but the row has ${expected}`}`,
      ),
      `${reproduced ? "reproduced" : "NOT reproduced"}: tolerance ${(100 * row.tolerance).toPrecision(3)} points`,
    ],
  };
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function main([name, ...more]: readonly string[]): number {
  const rows = JSON.parse(readFileSync(INDEX, "utf8")) as Readonly<Record<string, ResultRow>>;
  if (name === undefined || name === "--list") {
    for (const [row, { seconds, command }] of Object.entries(rows))
      console.log(`${row}  (${duration(seconds)})\n    ${command}`);
    if (name === undefined) console.error("usage: npm run reproduce -- ROW [OPTIONS OF fmlora run ...]");
    return name === undefined ? 2 : 0;
  }
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined;
  if (row === undefined) {
    console.error(`there is no row "${name}"${suggestion(name, Object.keys(rows))}; --list names them`);
    return 2;
  }
  const out = join("runs", "reproduce", name.replaceAll("/", "-"));
  if (!more.includes("--resume")) rmSync(join(ROOT, out), { recursive: true, force: true });
  const [, ...words] = row.command.split(" ");
  const main = join("dist", "cli", "main.js");
  const { status } = spawnSync(process.execPath, [main, ...words, ...more, "--out", out], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) return status ?? 1;
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(ROOT, out, file), "utf8")) as T;
  const { reproduced, lines } = compared(row, { metrics: read("metrics.json"), config: read("config.json") });
  console.log(
    `\n${name}, kept from fm-lora ${row.versions["fm-lora"] ?? "of an earlier version"} on ${row.machine}`,
  );
  for (const line of lines) console.log(line);
  return reproduced ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
