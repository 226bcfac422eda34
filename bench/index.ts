/**
 * @file Runs all benchmarks one after the other, or one by its name.
 *
 *     npm run bench -- [--quick] [--python PYTHON] [--threads N] [--rounds N] [--data DIR] [--backbone DIR]
 *     npm run bench -- NAME [OPTIONS OF THAT BENCHMARK]
 *     npm run bench -- --list
 *
 * Each writes results/NAME.json unless it is --quick, which only shows that all of it runs. `npx tsx
 * scripts/bench-table.ts` then makes the tables of README.md and docs/benchmarks-speed.md from these files.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const COMMON = ["quick", "python", "rounds", "threads"];

/** In the order in which they run, with the options of a whole suite that they understand. */
const SUITE: readonly { readonly name: string; readonly options: readonly string[] }[] = [
  { name: "products", options: COMMON },
  { name: "training-step", options: COMMON },
  { name: "inference", options: COMMON },
  { name: "serving", options: COMMON },
  { name: "http", options: COMMON },
  { name: "startup", options: COMMON },
  { name: "growth", options: COMMON },
  { name: "input-pipeline", options: ["quick", "python", "rounds"] },
  { name: "browser", options: ["quick", "rounds"] },
  { name: "gpu", options: COMMON },
  { name: "input-memory", options: ["quick"] },
  { name: "whole-run", options: ["quick", "python", "threads", "data", "backbone"] }, // one round is long enough
];

const script = (name: string): string => fileURLToPath(new URL(`${name}.ts`, import.meta.url));

function run(name: string, args: readonly string[]): number {
  const { status } = spawnSync(process.execPath, [...process.execArgv, script(name), ...args], {
    stdio: "inherit",
  });
  return status ?? 1;
}

/** Scripts that say how they are run, with the first line of what they say about themselves. */
function benchmarks(): { name: string; about: string }[] {
  return readdirSync(new URL(".", import.meta.url))
    .filter((file) => file.endsWith(".ts"))
    .map((file) => file.replace(/\.ts$/, ""))
    .flatMap((name) => {
      const text = readFileSync(script(name), "utf8");
      if (!text.includes(`npm run bench -- ${name}`) && !text.includes(`npx tsx bench/${name}.ts`)) return [];
      return [{ name, about: /@file (.*)/.exec(text)?.[1] ?? "" }];
    });
}

/** @returns how many failed */
function runAll(args: readonly string[]): number {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean" },
      python: text,
      threads: text,
      rounds: text,
      data: text,
      backbone: text,
    },
  });
  const began = performance.now();
  const failed = SUITE.filter(({ name, options }) => {
    const words = Object.entries(values)
      .filter(([key]) => options.includes(key))
      .flatMap(([key, value]) => (value === true ? [`--${key}`] : [`--${key}`, `${value}`]));
    console.log(`\n== ${name}`);
    const start = performance.now();
    const status = run(name, words);
    console.log(`(${name}: ${Math.round((performance.now() - start) / 1000)} s)`);
    return status !== 0;
  });
  console.log(
    `\n${SUITE.length - failed.length} of ${SUITE.length} benchmarks in ${Math.round((performance.now() - began) / 1000)} s`,
  );
  if (failed.length > 0) console.error(`FAILED: ${failed.map(({ name }) => name).join(", ")}`);
  return failed.length;
}

const [first, ...rest] = process.argv.slice(2);
if (first === "--list") for (const { name, about } of benchmarks()) console.log(`${name}: ${about}`);
else if (first === undefined || first.startsWith("-"))
  process.exitCode = runAll(process.argv.slice(2)) === 0 ? 0 : 1;
else if (!existsSync(script(first)) || !benchmarks().some(({ name }) => name === first)) {
  console.error(`there is no benchmark "${first}"; npm run bench -- --list lists them`);
  process.exitCode = 2;
} else process.exitCode = run(first, rest);
