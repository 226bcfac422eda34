/** @file Our side of a training step, in a process of its own: FOLDER OPTIONS, as peers/training_step.py takes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadBackbone } from "../src/node/backbones/backbone.ts";
import { loraTraining, measuringContext, type SpeedOptions } from "../src/node/runs/speed.ts";
import { decodeSafetensors } from "../src/tensor/safetensors.ts";
import { float32Data } from "../src/tensor/tensor.ts";
import type { Attention } from "./attention.ts";
import { serve } from "./measure.ts";

/** What is trained, and how fast. */
export const SHAPE = { rank: 8, classes: 100 };
export const RATE = 1e-3;
/** The step in words. */
export const STEP =
  "Forward, loss, backward and AdamW; LoRA on query and value of every block and a linear head, all else frozen; random weights.";
/** What PyTorch's side needs. */
export const PACKAGES = ["torch", "transformers", "peft", "safetensors"];
/** This file, for `ownWorker`. */
export const STEP_WORKER = import.meta.url;
/** The other side's. */
export const PEER = "peers/training_step.py";
/** Of the first loss: rounding adds up over the steps. Coarse are bf16 and int8. */
const LOSS_TOLERANCE = { exact: 1e-3, coarse: 2e-2 };

/** What a side runs with. */
export interface StepOptions {
  readonly batch: number;
  readonly microBatch: number;
  readonly rank: number;
  readonly classes: number;
  readonly rate: number;
  readonly threads: number;
  readonly precision: string;
  /** Of ONNX Runtime, or of PyTorch; default: cpu. */
  readonly device?: string;
  readonly compile: boolean;
  /** Of transformers; ours has one. */
  readonly attention: Attention;
}

/** Times and losses of a few steps. */
export interface Answer {
  readonly milliseconds: readonly number[];
  readonly losses: readonly number[];
}

/** Our training of what lies in `folder`, and its one batch. */
export async function trainOurs(folder: string, stepOptions: StepOptions) {
  const { batch, rank, classes, rate } = stepOptions;
  const precision = stepOptions.precision as SpeedOptions["precision"];
  const backbone = loadBackbone(folder, { stored: precision === "int8" });
  const device = stepOptions.device as SpeedOptions["device"];
  const context = await measuringContext(backbone, { ...stepOptions, precision, device });
  const file = join(folder, "trained.safetensors");
  const values = decodeSafetensors(readFileSync(file), file).tensors;
  const head = { weight: float32Data(values["head.weight"]!), bias: float32Data(values["head.bias"]!) };
  const pairs = Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith("head.")));
  const images = new Uint8Array(readFileSync(join(folder, "images")));
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  const training = loraTraining(context, { rank, classes, rate, start: { pairs, head } });
  return { ...training, pairs, head, batch: { images, labels, count: batch } };
}

async function serveOurs(folder: string, stepOptions: StepOptions): Promise<void> {
  const { step, batch } = await trainOurs(folder, stepOptions);
  await serve(async ({ steps }: { readonly steps: number }): Promise<Answer> => {
    const milliseconds: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const began = performance.now();
      losses.push(await step(batch));
      milliseconds.push(performance.now() - began);
    }
    return { milliseconds, losses };
  });
}

/** What a side of some precision lost. */
interface Losses {
  readonly name: string;
  readonly exact: boolean;
  readonly losses: readonly number[];
}

/** Sides compute the same thing: their losses agree, and learning lowers them. @throws otherwise */
export function checkLosses(results: readonly Losses[]): void {
  const reference = results.find(({ exact }) => exact)?.losses;
  for (const { name, exact, losses } of results) {
    if (reference === undefined) return;
    const tolerance = exact ? LOSS_TOLERANCE.exact : LOSS_TOLERANCE.coarse;
    const apart = Math.max(...losses.map((loss, i) => Math.abs(loss - reference[i]!))) / reference[0]!;
    if (!(apart <= tolerance)) throw new Error(`${name}: losses ${losses} against ${reference}`);
    if (!(losses.at(-1)! < losses[0]!)) throw new Error(`${name}: the loss didn't fall: ${losses}`);
  }
}

const [folder, json] = process.argv.slice(2);
if (process.argv[1] === fileURLToPath(import.meta.url))
  await serveOurs(folder!, JSON.parse(json!) as StepOptions);
