/**
 * @file `npm run fuzz`: damaged inputs for every reader of files, in a process that is replaced when it hangs or dies.
 *
 *     npm run fuzz -- [--seconds N | --runs N] [--seed N] [--reader NAME]
 *
 * 60 seconds unless told otherwise. Prints how many inputs were tried, and how many were not caught, took over 2 s of
 * processor time, or over 1 GiB of memory: all but the first must be 0, or it exits with 1. What fails is added to
 * test/fuzz/kept.json, and tried again at the beginning of every later call, and by the test.
 */
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Outcome } from "../test/fuzz/campaign.ts";
import type { Batch } from "../test/fuzz/fuzz-child.ts";

const CHILD = fileURLToPath(new URL("../test/fuzz/fuzz-child.ts", import.meta.url));
const KEPT = fileURLToPath(new URL("../test/fuzz/kept.json", import.meta.url));
/** Milliseconds of a batch, about; and how long one may give no answer before its process is killed. */
const BATCH = 1000;
const PATIENCE = 120_000;
const MOST_RUNS = 20_000;

/** Counts of one reader. */
interface Totals {
  tried: number;
  refused: number;
  uncaught: number;
  slow: number;
  large: number;
  /** Inputs a millisecond, by the last batch. */
  speed: number;
  seed: number;
}

/** What a batch came to: its outcome, or how its process ended. */
type Answer = Outcome | { readonly fault: string } | { readonly hung: true };

/** A process that tries batches, one after the other. */
class Runner {
  #child: ChildProcess | undefined;

  run(batch: Batch): Promise<Answer> {
    this.#child ??= fork(CHILD, {
      execArgv: process.execArgv,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const child = this.#child;
    return new Promise((resolve) => {
      const done = (answer: Answer): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        const whole = "target" in answer;
        if (!whole) {
          child.kill("SIGKILL");
          this.#child = undefined;
        }
        resolve(answer);
      };
      const timer = setTimeout(() => done({ hung: true }), PATIENCE);
      child.on("message", (answer: Answer) => done(answer));
      child.on("exit", (code, signal) => done({ fault: `the process ended with ${signal ?? code}` }));
      child.send(batch);
    });
  }

  end(): void {
    this.#child?.removeAllListeners();
    this.#child?.kill();
  }
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string" },
    runs: { type: "string" },
    seed: { type: "string", default: "1993" },
    reader: { type: "string" },
  },
});
const number = (name: "seconds" | "runs" | "seed"): number | undefined => {
  const value = values[name];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: expected a whole number`);
};
const runs = number("runs");
const seconds = number("seconds") ?? (runs === undefined ? 60 : Number.POSITIVE_INFINITY);

const { TARGETS, targetNamed } = await import("../test/fuzz/targets.ts");
const names =
  values.reader === undefined ? TARGETS.map(({ name }) => name) : [targetNamed(values.reader).name];
const totals = new Map(
  names.map((name, place): [string, Totals] => [
    name,
    {
      tried: 0,
      refused: 0,
      uncaught: 0,
      slow: 0,
      large: 0,
      speed: 0.1,
      seed: number("seed")! + 1_000_003 * place,
    },
  ]),
);
const runner = new Runner();
const start = performance.now();

/** Tries a batch and counts; keeps it if it failed. */
async function attempt(batch: Batch, keep: boolean): Promise<void> {
  const total = totals.get(batch.target);
  if (total === undefined) return;
  const before = performance.now();
  const answer = await runner.run(batch);
  total.speed = batch.runs / (performance.now() - before);
  if ("target" in answer) {
    total.tried += answer.tried;
    total.refused += answer.refused;
    total.slow += answer.slow;
    total.large += answer.large;
    total.uncaught += answer.uncaught.length;
    for (const { error, damage } of answer.uncaught) {
      console.log(`${batch.target}: ${error}\n  after ${JSON.stringify(damage)}`);
    }
    if (answer.slow + answer.large + answer.uncaught.length === 0) return;
  } else if ("hung" in answer) {
    total.slow++;
    console.log(`${batch.target}: no answer in ${PATIENCE / 1000} s`);
  } else {
    total.uncaught++;
    console.log(`${batch.target}: ${answer.fault}`);
  }
  console.log(`${batch.target}: failed with seed ${batch.seed} and ${batch.runs} runs`);
  if (keep) writeFileSync(KEPT, `${JSON.stringify([...kept(), batch], null, 2)}\n`);
}

const kept = (): Batch[] => JSON.parse(readFileSync(KEPT, "utf8"));
const tried = (): number => [...totals.values()].reduce((sum, each) => sum + each.tried, 0);
const over = (): boolean =>
  (performance.now() - start) / 1000 >= seconds || tried() >= (runs ?? Number.POSITIVE_INFINITY);

for (const batch of kept()) await attempt(batch, false);
while (!over()) {
  for (const [target, total] of totals) {
    if (over()) break;
    const most = Math.min(MOST_RUNS, (runs ?? Number.POSITIVE_INFINITY) - tried());
    const batch = {
      target,
      seed: total.seed++,
      runs: Math.max(1, Math.min(most, Math.round(total.speed * BATCH))),
    };
    await attempt(batch, true);
  }
}
runner.end();

const COLUMNS = ["tried", "refused", "uncaught", "slow", "large"] as const;
const TITLES = ["tried", "refused", "uncaught", "over 2 s", "over 1 GiB"];
const row = (name: string, cells: readonly string[]): string =>
  name.padEnd(32) + cells.map((cell) => cell.padStart(12)).join("");
console.log(row("reader", TITLES));
for (const [name, total] of totals) {
  console.log(
    row(
      name,
      COLUMNS.map((column) => total[column].toLocaleString("en")),
    ),
  );
}
const sum = (column: (typeof COLUMNS)[number]): number =>
  [...totals.values()].reduce((all, total) => all + total[column], 0);
const [uncaught, slow, large] = [sum("uncaught"), sum("slow"), sum("large")];
console.log(
  `tried ${sum("tried").toLocaleString("en")} inputs in ${Math.round((performance.now() - start) / 1000)} s: ${uncaught} uncaught, ${slow} over 2 s, ${large} over 1 GiB`,
);
process.exitCode = uncaught + slow + large > 0 ? 1 : 0;
