/** @file Options that all benchmarks understand. */
import { spawnSync } from "node:child_process";
import { type ParseArgsConfig, parseArgs } from "node:util";

type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

const COMMON = {
  python: { type: "string" },
  quick: { type: "boolean", default: false },
  rounds: { type: "string" },
  threads: { type: "string", default: "2" },
  out: { type: "string" },
} as const satisfies OptionsConfig;

/** What was typed. */
export interface BenchOptions {
  /** A Python with the packages; undefined: PyTorch's sides are left out. */
  readonly python: string | undefined;
  /** To see that all runs, not to keep: nothing is written unless `out` says so. */
  readonly quick: boolean;
  readonly rounds: number | undefined;
  readonly threads: number;
  /** Result file, instead of results/NAME.json. */
  readonly out: string | undefined;
  /** Of the benchmark's own. */
  readonly own: Readonly<Record<string, string | boolean | undefined>>;
  /** For a worker: see `ownWorker`. */
  readonly positionals: readonly string[];
}

/** Reads the command line. `own` are a benchmark's own options. */
export function benchOptions(own: OptionsConfig = {}): BenchOptions {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { ...COMMON, ...own } });
  const typed = values as Readonly<Record<string, string | boolean | undefined>>;
  return {
    python: (typed.python as string | undefined) ?? process.env.FMLORA_PYTHON,
    quick: typed.quick === true,
    rounds: typed.rounds === undefined ? undefined : whole("rounds", typed.rounds),
    threads: whole("threads", typed.threads),
    out: typed.out as string | undefined,
    own: typed,
    positionals,
  };
}

/** Of some sides those that run: --quick leaves micro-batched ones out. */
export const sidesThatRun = <Kind extends { readonly micro: boolean }>(
  { quick }: Pick<BenchOptions, "quick">,
  sides: readonly Kind[],
): Kind[] => sides.filter(({ micro }) => !(quick && micro));

/** @throws if it is none above 0 */
function whole(name: string, text: string | boolean | undefined): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`--${name} ${text}: expected a whole number above 0`);
}

/**
 * The Python to compare with and its versions, or nothing, which is said aloud.
 * @param packages what it has to have
 */
export function pythonWith(
  { python }: Pick<BenchOptions, "python">,
  packages: readonly string[],
): { command: string; versions: Record<string, string> } | undefined {
  const help = `pip install ${packages.join(" ")}, then npm run bench -- --python python3 (or FMLORA_PYTHON=python3)`;
  if (python === undefined) {
    console.error(`SKIPPED: all sides of PyTorch, for want of a Python. To have them: ${help}`);
    return undefined;
  }
  const script = `import json, importlib.metadata as m; print(json.dumps({p: m.version(p) for p in ${JSON.stringify(packages)}}))`;
  const { status, stdout, stderr, error } = spawnSync(python, ["-c", script], { encoding: "utf8" });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim().split("\n").at(-1);
    console.error(`SKIPPED: all sides of PyTorch: ${python}: ${reason}. To have them: ${help}`);
    return undefined;
  }
  return { command: python, versions: JSON.parse(stdout) as Record<string, string> };
}
