/**
 * @file A whole run of fm-lora on CIFAR-100 and on emoji: ours against the same method in plain PyTorch (bench/pytorch/).
 *
 *     npm run bench -- whole-run --data DIR [--python PYTHON] [--quick] [--cases vit-s-14,vit-ti-8,emoji] [--tasks N]
 *                                [--limit-per-class N] [--test-limit-per-class N] [--epochs N]
 *                                [--precisions fp32,autocast,bf16] [--rounds N] [--threads N]
 *
 * DIR of the data is the official binary version. --backbone DIR --image-size N takes another checkpoint of transformers
 * (ViT, DINOv2). PyTorch runs under both attentions of transformers: whole, and with the last half of its layers adapted
 * and what is before them computed once a task, as --adapt-last has it; not on emoji, whose random crops never come
 * again. Sides take turns, a process each; their accuracies
 * must agree within noise. Seconds are those of the whole process. PYTHON has torch, transformers and safetensors.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { fastest, underBothAttentions } from "./attention.ts";
import { writeEmojiRecords } from "./emoji-records.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { besidePyTorch, type CaseResult, conclude, ratio, rounded } from "./result.ts";
import {
  type Config,
  type Outcome,
  type PyTorchSide,
  runOurs,
  runTheirs,
  type WholeRun,
} from "./whole-run-sides.ts";

/** Layers that are adapted where not all are. */
const LAST = 6;

const SHIPPED = {
  backbone: fileURLToPath(new URL("../models/vit-tiny-patch8-64", import.meta.url)),
  imageSize: 64,
};

type Case = Pick<WholeRun, "benchmark" | "backbone" | "imageSize"> & { readonly name: string };

/** Those of the targets. */
const CASES: readonly Case[] = [
  {
    name: "vit-s-14",
    benchmark: "cifar100",
    backbone: resolve("../shared/weights/vit-small-patch14-tiny-imagenet"),
    imageSize: 84,
  },
  { name: "vit-ti-8", benchmark: "cifar100", ...SHIPPED },
  { name: "emoji", benchmark: "emoji", ...SHIPPED },
];

interface Side {
  readonly name: string;
  /** With the last layers adapted alone. */
  readonly last: boolean;
  readonly ours: boolean;
  run(configs: ReadonlyMap<boolean, Config>): Promise<{ outcome: Outcome; config?: Config }>;
}

type Measured = Side & { best: number; median: number; accuracies: readonly number[]; peakMiB: number };

const optional = (text: string | boolean | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

const typed = benchOptions({
  data: { type: "string" },
  backbone: { type: "string" },
  "image-size": { type: "string" },
  cases: { type: "string" },
  tasks: { type: "string" },
  "limit-per-class": { type: "string" },
  precisions: { type: "string" },
  epochs: { type: "string" },
  "test-limit-per-class": { type: "string" },
});
const python = pythonWith(typed, ["torch", "transformers", "safetensors"]);
const precisions = `${typed.own.precisions ?? (typed.quick ? "bf16" : "fp32,autocast,bf16")}`.split(",");
const settings = {
  data: resolve(`${typed.own.data ?? "../shared/data/cifar100/cifar-100-binary"}`),
  tasks: Number(typed.own.tasks ?? (typed.quick ? 2 : 10)),
  limit: Number(typed.own["limit-per-class"] ?? (typed.quick ? 2 : 60)),
  testLimit: optional(typed.own["test-limit-per-class"]) ?? (typed.quick ? 1 : undefined),
  epochs: optional(typed.own.epochs) ?? (typed.quick ? 1 : undefined),
  threads: typed.threads,
};

function chosenCases(): readonly Case[] {
  const { backbone, cases } = typed.own;
  if (backbone !== undefined) {
    const imageSize = Number(typed.own["image-size"] ?? 224);
    return [{ name: `${backbone}`, benchmark: "cifar100", backbone: resolve(`${backbone}`), imageSize }];
  }
  const wanted = `${cases ?? (typed.quick ? "vit-ti-8,emoji" : CASES.map(({ name }) => name).join())}`.split(
    ",",
  );
  return CASES.filter(({ name }) => wanted.includes(name));
}

/** All sides, ours first: theirs take over what ours resolved. */
function sidesOf(run: WholeRun): Side[] {
  const own = (name: string, last: boolean, flags: readonly string[]): Side => ({
    ...{ name, last, ours: true },
    run: () => runOurs(run, [...flags, ...(last ? ["--adapt-last", `${LAST}`] : [])]),
  });
  const other = (name: string, last: boolean, side: Omit<PyTorchSide, "cached">): Side => ({
    ...{ name, last, ours: false },
    run: async (configs) => {
      const config = configs.get(last)!;
      return { outcome: await runTheirs(python!.command, run, config, { ...side, cached: last }) };
    },
  });
  const whole = underBothAttentions(
    precisions.map((precision) => ({ name: `PyTorch, ${precision}`, precision })),
  );
  const rounding = ["--precision", "int8"];
  const halves = run.benchmark === "emoji" ? [false] : [false, true];
  return [
    ...(precisions.includes("fp32") ? [own("fm-lora, fp32", false, [])] : []),
    ...halves.map((last) => own(`fm-lora, int8${last ? `, last ${LAST}` : ""}`, last, rounding)),
    ...(python === undefined
      ? []
      : halves.flatMap((last) =>
          whole
            .filter(({ precision }) => !last || precision !== "fp32")
            .map(({ name, precision, attention }) =>
              other(last ? `${name}, last ${LAST}, cached` : name, last, { precision, attention }),
            ),
        )),
  ];
}

async function compare({ name, ...chosen }: Case, records: string): Promise<CaseResult> {
  const emoji = chosen.benchmark === "emoji";
  const { limit, testLimit } = settings;
  const limits = emoji ? { limit: undefined, testLimit: undefined } : { limit, testLimit };
  const sides = sidesOf({ ...settings, ...limits, ...chosen, data: emoji ? records : settings.data });
  const outcomes = sides.map(() => [] as Outcome[]);
  const configs = new Map<boolean, Config>();
  for (let round = 0; round < (typed.rounds ?? 1); round++) {
    for (const [i, side] of sides.entries()) {
      const { outcome, config } = await side.run(configs);
      if (config !== undefined) configs.set(side.last, config);
      outcomes[i]!.push(outcome);
      const last = (100 * outcome.accuracies.at(-1)!).toFixed(1);
      console.error(`${name}, ${side.name}: ${outcome.seconds.toFixed(1)} s, last ${last} %`);
    }
  }
  const rows = sides.map((side, i) => {
    const [{ accuracies, peakMiB }] = outcomes[i] as [Outcome];
    return { ...side, ...bestAndMedian(outcomes[i]!.map(({ seconds }) => seconds)), accuracies, peakMiB };
  });
  const { tasks, threads, epochs = "default" } = settings;
  const images = emoji ? {} : { limit, testLimit: testLimit ?? "all" };
  return {
    name: emoji ? `emoji, ${tasks} tasks, vit-ti-8` : `CIFAR-100, ${tasks} tasks, ${name}`,
    settings: {
      ...{ tasks, ...images, threads, imageSize: chosen.imageSize, epochs },
      rounds: typed.rounds ?? 1,
    },
    sides: rows.map((row) => ({
      name: row.name,
      values: {
        "seconds, best": rounded(row.best, 3),
        "seconds, median": rounded(row.median, 3),
        "last %": rounded(100 * row.accuracies.at(-1)!, 3),
        "average %": rounded(
          (100 * row.accuracies.reduce((sum, value) => sum + value, 0)) / row.accuracies.length,
          3,
        ),
        "peak MiB": row.peakMiB,
      },
    })),
    ratios: python === undefined ? [] : ratios(rows, emoji ? 200 : 100 * (testLimit ?? 100)),
  };
}

/** Our fastest of each kind against PyTorch's. @param images on which the last accuracy was measured */
function ratios(rows: readonly Measured[], images: number) {
  const best = (ours: boolean, last: boolean) =>
    fastest(rows.filter((row) => row.ours === ours && row.last === last));
  const speed = (a: Measured, b: Measured, atLeast: number) =>
    ratio(`speed, ${a.name} / ${b.name}`, [b.best / a.best, b.median / a.median], { atLeast });
  const [own, plain] = [best(true, false)!, best(false, false)!];
  const [ownLast, cached] = [best(true, true), best(false, true)];
  const smallest = Math.min(...rows.filter(({ ours, last }) => !ours && !last).map(({ peakMiB }) => peakMiB));
  const memory = ratio(`memory, ${own.name} / PyTorch's smallest`, [own.peakMiB / smallest], {
    atMost: 0.35,
  });
  const whole = [speed(own, plain, 2.3), memory, agreement(own, plain, images)];
  if (ownLast === undefined || cached === undefined) return whole;
  return [
    ...whole,
    speed(ownLast, plain, 4),
    speed(ownLast, cached, 1.7),
    agreement(ownLast, cached, images),
  ];
}

/** What two accuracies on the same test images tell: a run's own noise is at least that of the images. */
function agreement(a: Measured, b: Measured, images: number) {
  const [p, q] = [a.accuracies.at(-1)!, b.accuracies.at(-1)!];
  const deviation = Math.sqrt((p * (1 - p) + q * (1 - q)) / images);
  return ratio(`last accuracy, ${a.name} - ${b.name}, in standard errors`, [Math.abs(p - q) / deviation], {
    atMost: 2,
  });
}

const found = chosenCases();
const wanted = found.flatMap(({ backbone, benchmark }) =>
  benchmark === "emoji" ? [backbone] : [backbone, settings.data],
);
const missing = [...new Set(wanted)].filter((path) => !existsSync(path));
if (missing.length > 0)
  console.error(`SKIPPED: whole-run: ${missing.join(" and ")} missing; name them with --data and --backbone`);
else {
  const cases: CaseResult[] = [];
  await inTemporaryFolder(async (records) => {
    if (python !== undefined && found.some(({ benchmark }) => benchmark === "emoji"))
      await writeEmojiRecords(records);
    for (const each of found) cases.push(await compare(each, records));
  });
  conclude(
    "whole-run",
    {
      title: "A whole run: fm-lora on CIFAR-100 and emoji",
      what: `The process from its start to its end: decoding, training, statistics, evaluation on all classes seen after every task; features of CLS, the head lda, fm-lora's defaults, but no views for the drift map. PyTorch's side is bench/pytorch/: images resized once and kept in memory (of emoji, which our run draws itself, each random crop anew), merged weights in evaluation. "last ${LAST}": the last ${LAST} layers alone are adapted (--adapt-last), and what the others leave of a task's images and their mirror images is computed once, on both sides.`,
      cases,
      ...besidePyTorch(python, typed),
    },
    typed,
  );
}
