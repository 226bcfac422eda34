/**
 * @file A whole run of fm-lora on CIFAR-100: ours against the same method in plain PyTorch (bench/pytorch/).
 *
 *     npm run bench -- whole-run --data DIR --backbone DIR [--python PYTHON] [--quick] [--image-size N] [--tasks N]
 *                                [--limit-per-class N] [--test-limit-per-class N] [--epochs N]
 *                                [--precisions fp32,autocast,bf16] [--rounds N] [--threads N]
 *
 * DIR of the data is the official binary version, DIR of the backbone a checkpoint of transformers (ViT, DINOv2). PyTorch
 * runs under both attentions of transformers. Sides take turns, a process each; their accuracies must agree within noise. Seconds are those of the whole process.
 * PYTHON has torch, transformers and safetensors.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { type Attention, fastest, underBothAttentions } from "./attention.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { conclude, ratio, rounded } from "./result.ts";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
const PEER = fileURLToPath(new URL("pytorch/fm_lora.py", import.meta.url));
const READOUT = "lda";

/** One run of one side. */
interface Outcome {
  readonly seconds: number;
  readonly peakMiB: number;
  /** On all classes seen, after every task. */
  readonly accuracies: readonly number[];
}

/** Our sides, and what `fmlora run` is told. */
const OURS: Readonly<Record<string, readonly string[]>> = {
  "fm-lora, fp32": [],
  "fm-lora, int8": ["--precision", "int8"],
};

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

/** Our run; also its resolved options, which the other side takes over. */
async function runOurs(
  more: readonly string[],
): Promise<{ outcome: Outcome; config: Record<string, unknown> }> {
  return inTemporaryFolder(async (folder) => {
    const out = join(folder, "run");
    const args = [
      "run",
      "cifar100",
      "--method",
      "fm-lora",
      "--no-baseline",
      "--out",
      out,
      ...runFlags(),
      ...more,
    ];
    const { seconds } = await execute(process.execPath, [...process.execArgv, MAIN, ...args]);
    const read = <T>(file: string): T => JSON.parse(readFileSync(join(out, file), "utf8")) as T;
    const metrics = read<RunMetrics>("metrics.json");
    const accuracies = metrics.readouts[READOUT]!.accuracyMicro.map(Number);
    const peakMiB = Math.round(metrics.peakRssBytes / 2 ** 20);
    return { outcome: { seconds, peakMiB, accuracies }, config: read("config.json") };
  });
}

function runFlags(): string[] {
  const { data, backbone, tasks, limit, testLimit, imageSize, threads, epochs } = settings;
  const counts = {
    tasks,
    "limit-per-class": limit,
    "image-size": imageSize,
    threads,
    epochs,
    "test-limit-per-class": testLimit,
  };
  return [
    "--data",
    data,
    "--backbone",
    backbone,
    ...Object.entries(counts).flatMap(([flag, value]) =>
      value === undefined ? [] : [`--${flag}`, `${value}`],
    ),
  ];
}

async function runTheirs(
  python: string,
  config: Record<string, unknown>,
  precision: string,
  attention: Attention,
): Promise<Outcome> {
  const { data, backbone, tasks, limit, testLimit = null, imageSize, threads } = settings;
  const { seed, orderSeed, epochs, firstEpochs, batchSize, methodOptions: method } = config;
  const { text, seconds } = await execute(python, [
    PEER,
    JSON.stringify({
      data,
      backbone,
      tasks,
      imageSize,
      threads,
      precision,
      attention,
      method,
      ...{
        seed,
        orderSeed,
        epochs,
        firstEpochs,
        batchSize,
        limitPerClass: limit,
        testLimitPerClass: testLimit,
      },
    }),
  ]);
  return { ...(JSON.parse(text.trim().split("\n").at(-1)!) as Outcome), seconds };
}

const optional = (text: string | boolean | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

const typed = benchOptions({
  ...{
    data: { type: "string" },
    backbone: { type: "string" },
    "image-size": { type: "string", default: "84" },
  },
  tasks: { type: "string" },
  "limit-per-class": { type: "string" },
  precisions: { type: "string" },
  epochs: { type: "string" },
  "test-limit-per-class": { type: "string" },
});
const settings = {
  data: resolve(`${typed.own.data ?? "../shared/data/cifar100/cifar-100-binary"}`),
  backbone: resolve(`${typed.own.backbone ?? "../shared/weights/vit-small-patch14-tiny-imagenet"}`),
  imageSize: Number(typed.own["image-size"]),
  tasks: Number(typed.own.tasks ?? (typed.quick ? 2 : 10)),
  limit: Number(typed.own["limit-per-class"] ?? (typed.quick ? 2 : 60)),
  testLimit: optional(typed.own["test-limit-per-class"]) ?? (typed.quick ? 1 : undefined),
  /** Left out: as many as a run has. */
  epochs: optional(typed.own.epochs) ?? (typed.quick ? 1 : undefined),
  threads: typed.threads,
};

async function compare(): Promise<void> {
  const python = pythonWith(typed, ["torch", "transformers", "safetensors"]);
  const precisions = `${typed.own.precisions ?? (typed.quick ? "bf16" : "fp32,autocast,bf16")}`.split(",");
  const theirSides = underBothAttentions(
    precisions.map((precision) => ({ name: `PyTorch, ${precision}`, precision })),
  );
  const outcomes = new Map<string, Outcome[]>();
  const add = (name: string, outcome: Outcome): void => {
    outcomes.set(name, [...(outcomes.get(name) ?? []), outcome]);
    console.error(
      `${name}: ${outcome.seconds.toFixed(1)} s, last ${(100 * outcome.accuracies.at(-1)!).toFixed(1)} %`,
    );
  };
  for (let round = 0; round < (typed.rounds ?? 1); round++) {
    let config: Record<string, unknown> = {};
    for (const [name, flags] of Object.entries(OURS)) {
      if (typed.quick && flags.length === 0) continue; // int8 alone
      const own = await runOurs(flags);
      config = own.config;
      add(name, own.outcome);
    }
    if (python === undefined) continue;
    for (const { name, precision, attention } of theirSides) {
      add(name, await runTheirs(python.command, config, precision, attention));
    }
  }
  const rows = [...outcomes].map(([name, all]) => {
    const { best, median } = bestAndMedian(all.map(({ seconds }) => seconds));
    return {
      name,
      best,
      median,
      last: all[0]!.accuracies.at(-1)!,
      all: all[0]!.accuracies,
      peakMiB: all[0]!.peakMiB,
    };
  });
  const fastestOf = (ours: boolean) => fastest(rows.filter(({ name }) => name in OURS === ours));
  const [ours, theirs] = [fastestOf(true)!, fastestOf(false)];
  const { data: _data, backbone: _backbone, testLimit, epochs, ...shown } = settings;
  conclude(
    "whole-run",
    {
      title: "A whole run: fm-lora on CIFAR-100",
      what: "The process from its start to its end: decoding, training, statistics, evaluation on all classes seen after every task. PyTorch's side is bench/pytorch/: images resized once and kept in memory, merged weights in evaluation.",
      versions: { ...python?.versions, runtime: nodeRuntime({ threads: typed.threads }).name },
      cases: [
        {
          name: `CIFAR-100, ${settings.tasks} tasks`,
          settings: {
            ...shown,
            epochs: epochs ?? "default",
            testLimit: testLimit ?? "all",
            rounds: typed.rounds ?? 1,
          },
          sides: rows.map(({ name, best, median, last, all, peakMiB }) => ({
            name,
            values: {
              "seconds, best": rounded(best, 3),
              "seconds, median": rounded(median, 3),
              "last %": rounded(100 * last, 3),
              "average %": rounded((100 * all.reduce((sum, value) => sum + value, 0)) / all.length, 3),
              "peak MiB": peakMiB,
            },
          })),
          ratios:
            theirs === undefined
              ? []
              : [
                  ratio(
                    `speed, ${ours.name} / ${theirs.name}`,
                    [theirs.best / ours.best, theirs.median / ours.median],
                    { atLeast: 2 },
                  ),
                ],
        },
      ],
      notes: theirs === undefined ? ["PyTorch was not measured."] : [agreement(ours, theirs)],
    },
    typed,
  );
}

/** What two accuracies on the same test images tell: a run's own noise is at least that of the images. */
function agreement(a: { name: string; last: number }, b: { name: string; last: number }): string {
  const images = 100 * (settings.testLimit ?? 50);
  const deviation = Math.sqrt((a.last * (1 - a.last) + b.last * (1 - b.last)) / images);
  const apart = Math.abs(a.last - b.last);
  const points = `${(100 * apart).toFixed(1)} points apart; two standard errors are ${(200 * deviation).toFixed(1)}`;
  return `Last accuracies are ${points}: ${apart <= 2 * deviation ? "they agree" : "they do NOT agree"} within noise.`;
}

const missing = [settings.data, settings.backbone].filter((path) => !existsSync(path));
if (missing.length === 0) await compare();
else
  console.error(`SKIPPED: whole-run: ${missing.join(" and ")} missing; name them with --data and --backbone`);
