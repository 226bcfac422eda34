/** @file Both sides of a whole run, each in a process of its own: `fmlora run`, and bench/pytorch/fm_lora.py. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import type { Attention } from "./attention.ts";
import { inTemporaryFolder } from "./measure.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const PEER = fileURLToPath(new URL("pytorch/fm_lora.py", import.meta.url));
const READOUT = "lda";
/** What all sides of a case share. */
export interface WholeRun {
  readonly benchmark: "cifar100" | "emoji";
  /** CIFAR-100's; emoji come with the package, and PyTorch finds them where `writeEmojiRecords` wrote them. */
  readonly data: string;
  readonly backbone: string;
  readonly imageSize: number;
  readonly tasks: number;
  /** Left out: all training images. */
  readonly limit: number | undefined;
  /** Left out: all test images. */
  readonly testLimit: number | undefined;
  /** Left out: as many as a run has. */
  readonly epochs: number | undefined;
  readonly threads: number;
}

/** One run of one side. */
export interface Outcome {
  readonly seconds: number;
  readonly peakMiB: number;
  /** On all classes seen, after every task. */
  readonly accuracies: readonly number[];
}

/** Resolved options of a run of ours, which the other side takes over. */
export type Config = Readonly<Record<string, unknown>>;

/** Our run. */
export async function runOurs(
  run: WholeRun,
  flags: readonly string[],
): Promise<{ outcome: Outcome; config: Config }> {
  return inTemporaryFolder(async (folder) => {
    const out = join(folder, "run");
    const words = [
      run.benchmark,
      "--method",
      "fm-lora",
      "--features",
      "cls",
      "--heads",
      READOUT,
      "--no-baseline",
      "--drift-views",
      "0", // the other side has none
    ];
    const args = ["run", ...words, "--out", out, ...runFlags(run), ...flags];
    const { seconds } = await execute(process.execPath, [...process.execArgv, MAIN, ...args]);
    const read = <T>(file: string): T => JSON.parse(readFileSync(join(out, file), "utf8")) as T;
    const metrics = read<RunMetrics>("metrics.json");
    const accuracies = metrics.accuracyMicro.map(Number);
    const peakMiB = Math.round(metrics.peakRssBytes / 2 ** 20);
    return { outcome: { seconds, peakMiB, accuracies }, config: read("config.json") };
  });
}

function runFlags({
  benchmark,
  data,
  backbone,
  tasks,
  limit,
  testLimit,
  imageSize,
  threads,
  epochs,
}: WholeRun): string[] {
  const flags = {
    ...{ backbone, tasks, threads, epochs },
    data: benchmark === "emoji" ? undefined : data,
    "limit-per-class": limit,
    "image-size": imageSize,
    "test-limit-per-class": testLimit,
  };
  return Object.entries(flags).flatMap(([flag, value]) =>
    value === undefined ? [] : [`--${flag}`, `${value}`],
  );
}

/** How PyTorch computes. */
export interface PyTorchSide {
  readonly precision: string;
  readonly attention: Attention;
  /** What the frozen first layers leave of a task's images is computed once. */
  readonly cached: boolean;
}

/** The same in PyTorch. @param config of the run of ours that has the same layers adapted */
export async function runTheirs(
  python: string,
  run: WholeRun,
  config: Config,
  side: PyTorchSide,
): Promise<Outcome> {
  const { limit = null, testLimit = null, epochs: _, ...shared } = run;
  const {
    seed,
    orderSeed,
    epochs,
    firstEpochs,
    batchSize,
    methodOptions: method,
    headOptions: head,
  } = config;
  const schedule = { seed, orderSeed, epochs, firstEpochs, batchSize };
  const limits = { limitPerClass: limit, testLimitPerClass: testLimit };
  const options = { ...shared, ...limits, ...schedule, ...side, method, head };
  const { text, seconds } = await execute(python, [PEER, JSON.stringify(options)]);
  return { ...(JSON.parse(text.trim().split("\n").at(-1)!) as Outcome), seconds };
}

/** Runs a command to its end; returns standard output and the seconds it took. @throws if it fails */
async function execute(command: string, args: readonly string[]): Promise<{ text: string; seconds: number }> {
  const began = performance.now();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  let text = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    errors = (errors + part).slice(-2000);
  });
  const code = await new Promise<number | null>((done, fail) => child.on("error", fail).on("close", done));
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors.trim().split("\n").at(-1)}`);
  return { text, seconds: (performance.now() - began) / 1000 };
}
