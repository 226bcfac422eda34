/**
 * @file Images/s and peak memory of one LoRA training step: ours against PyTorch + PEFT on the same processor.
 *
 *     npx tsx bench/training-step.ts --python PYTHON [--quick] [--micro-batch N] [--rounds N] [--threads N]
 *
 * Every side runs in its own process with the same first weights and images; sides take turns, and their
 * losses must agree. PYTHON has torch, transformers and peft.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { weightFeeds } from "../src/nn/weights.ts";
import { loadBackbone } from "../src/node/backbone.ts";
import { nodeRuntime } from "../src/node/runtime.ts";
import { adamw } from "../src/optim/optimizer.ts";
import { decodeSafetensors } from "../src/tensor/safetensors.ts";
import { float32Data, tensor, zeroTensor } from "../src/tensor/tensor.ts";
import { loraStep } from "./lora-step.ts";
import { machine, serve, spread, Worker, writeResult } from "./measure.ts";

/** ViT-S/16, 197 tokens, and a batch of 16. */
const SIZES = {
  vit: {
    hidden_size: 384,
    num_hidden_layers: 12,
    num_attention_heads: 6,
    intermediate_size: 1536,
    image_size: 224,
    patch_size: 16,
  },
  batch: 16,
  rank: 8,
  classes: 100,
};
const TOKENS = 1 + (SIZES.vit.image_size / SIZES.vit.patch_size) ** 2;
const RATE = 1e-3;
const MICRO_BATCH = 4; // level with 2; 8 and 16 took 8 to 15 % more processor time an image
const LOSS_TOLERANCE = 1e-3; // relative; bf16 gets 30 times as much

/** What one side of the comparison runs with. */
interface SideOptions {
  readonly sizes: typeof SIZES;
  readonly microBatch: number;
  readonly bf16: boolean;
  readonly threads: number;
  readonly rate: number;
}

/** Times and losses of a few steps. */
interface Answer {
  readonly milliseconds: readonly number[];
  readonly losses: readonly number[];
}

/** Our side: answers {"steps": n} on stdin. */
async function serveOurs(folder: string, { sizes, microBatch, threads, rate }: SideOptions): Promise<void> {
  const { batch, classes, rank } = sizes;
  const { config, weights } = loadBackbone(folder);
  const file = join(folder, "trained.safetensors");
  const trained = decodeSafetensors(new Uint8Array(readFileSync(file)), file).tensors;
  const session = await nodeRuntime({ threads }).compile(
    loraStep({ config, batch: microBatch, rank, classes }),
  );
  const images = new Uint8Array(readFileSync(join(folder, "images")));
  const frozen = weightFeeds(weights);
  const optimizer = adamw();
  const parameters = Object.entries(trained).map(([name, value]) => ({
    name,
    data: float32Data(value),
    rate,
  }));
  const imageSize = images.length / batch;

  const step = async (): Promise<number> => {
    let loss = 0;
    const gradients: Record<string, Float32Array> = {};
    for (let start = 0; start < batch; start += microBatch) {
      const data = images.subarray(start * imageSize, (start + microBatch) * imageSize);
      const targets = zeroTensor([microBatch, classes]);
      for (let row = 0; row < microBatch; row++)
        targets.data[row * classes + ((start + row) % classes)] = 1 / batch;
      const dims = [microBatch, config.imageSize, config.imageSize, 3];
      const results = await session.run({
        ...frozen,
        ...trained,
        images: tensor("uint8", dims, data),
        targets,
      });
      loss += float32Data(results.loss!)[0]!;
      for (const { name } of parameters) {
        const gradient = float32Data(results[`d ${name}`]!);
        const sum = gradients[name];
        if (sum === undefined) gradients[name] = gradient;
        else for (let i = 0; i < sum.length; i++) sum[i]! += gradient[i]!;
      }
    }
    optimizer.step(parameters, gradients, 1);
    return loss;
  };

  await serve(async ({ steps }: { readonly steps: number }): Promise<Answer> => {
    const milliseconds: number[] = [];
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      const began = performance.now();
      losses.push(await step());
      milliseconds.push(performance.now() - began);
    }
    return { milliseconds, losses };
  });
}

/** Runs all sides in turns, prints a table and writes results/training-step.json. */
async function compare(options: {
  python: string;
  microBatch: number;
  rounds: number;
  steps: number;
  threads: number;
  save: boolean;
}): Promise<void> {
  const { python, microBatch, rounds, steps, threads } = options;
  if (SIZES.batch % microBatch !== 0)
    throw new Error(`--micro-batch ${microBatch} doesn't divide ${SIZES.batch}`);
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-bench-"));
  const peer = fileURLToPath(new URL("peers/training_step.py", import.meta.url));
  const environment: NodeJS.ProcessEnv = { ...process.env, HF_HUB_OFFLINE: "1" };
  delete environment.OPENBLAS_CORETYPE; // slows a current numpy
  delete environment.OPENBLAS_L2_SIZE;
  const workers: Worker[] = [];
  try {
    const made = execFileSync(python, [peer, "make", folder, JSON.stringify(SIZES)], {
      env: environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const side = (name: string, micro: number, bf16: boolean, ours: boolean) => {
      const json = JSON.stringify({ sizes: SIZES, microBatch: micro, bf16, threads, rate: RATE });
      const worker = ours
        ? new Worker(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), folder, json])
        : new Worker(python, [peer, "serve", folder, json], environment);
      workers.push(worker);
      return { name, micro, bf16, worker, milliseconds: [] as number[], losses: [] as number[] };
    };
    const sides = [
      side("fm-lora, fp32", microBatch, false, true),
      side("PyTorch + PEFT, fp32 eager", SIZES.batch, false, false),
      side("PyTorch + PEFT, fp32 eager, micro-batches", microBatch, false, false),
      side("PyTorch + PEFT, bf16 autocast", SIZES.batch, true, false),
    ];
    // Turns: whatever else slows the machine slows all sides. The first round warms up and isn't counted.
    for (let round = 0; round <= rounds; round++) {
      for (const { worker, milliseconds, losses } of sides) {
        const answer = await worker.ask<Answer>({ steps: round === 0 ? 2 : steps });
        if (round > 0) milliseconds.push(...answer.milliseconds);
        losses.push(...answer.losses);
      }
    }
    checkLosses(sides);
    const rows = sides.map(({ name, micro, milliseconds, losses, worker }) => {
      const { minimum, median } = spread(milliseconds);
      const rate = (ms: number): number => Number(((SIZES.batch * 1000) / ms).toFixed(2));
      return {
        name,
        microBatch: micro,
        imagesPerSecond: { best: rate(minimum), median: rate(median) },
        peakMemoryMiB: Math.round((worker.peakMemory() ?? Number.NaN) / 2 ** 20),
        loss: { first: losses[0]!, last: losses.at(-1)! },
      };
    });
    const [ours, theirs] = rows as [(typeof rows)[0], (typeof rows)[0]];
    const ratio = (key: "best" | "median"): number =>
      Number((ours.imagesPerSecond[key] / theirs.imagesPerSecond[key]).toFixed(2));
    const result = {
      what: "one LoRA training step with AdamW, ViT-S/16 with random weights",
      tokens: TOKENS,
      ...{ batch: SIZES.batch, rank: SIZES.rank, classes: SIZES.classes, threads, rounds, steps },
      date: new Date().toISOString().slice(0, 10),
      machine: machine(),
      versions: { ...JSON.parse(made), runtime: nodeRuntime({ threads }).name },
      oursToPyTorchFp32: { best: ratio("best"), median: ratio("median") },
      sides: rows,
    };
    print(result);
    if (options.save) console.log(`written: ${writeResult("training-step", result)}`);
  } finally {
    for (const worker of workers) worker.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Sides that compute the same thing have the same losses, and learning lowers them. @throws otherwise */
function checkLosses(
  sides: readonly { readonly name: string; readonly bf16: boolean; readonly losses: readonly number[] }[],
): void {
  const expected = sides[1]!.losses;
  for (const { name, bf16, losses } of sides) {
    const apart = Math.max(...losses.map((loss, i) => Math.abs(loss - expected[i]!) / (expected[i]! + 0.1)));
    if (apart > LOSS_TOLERANCE * (bf16 ? 30 : 1))
      throw new Error(`${name}: losses ${losses} against ${expected}`);
    if (losses.at(-1)! >= losses[0]!) throw new Error(`${name}: the loss didn't fall: ${losses}`);
  }
}

function print(result: {
  tokens: number;
  batch: number;
  threads: number;
  versions: unknown;
  oursToPyTorchFp32: { best: number; median: number };
  sides: readonly {
    name: string;
    microBatch: number;
    imagesPerSecond: { best: number; median: number };
    peakMemoryMiB: number;
  }[];
}): void {
  const { tokens, batch, threads, versions, oursToPyTorchFp32: ratio, sides } = result;
  console.log(
    `ViT-S/16, ${tokens} tokens, batch ${batch}, ${threads} threads, ${JSON.stringify(versions)}, ${JSON.stringify(machine())}`,
  );
  for (const { name, microBatch, imagesPerSecond, peakMemoryMiB } of sides) {
    console.log(
      `${name.padEnd(42)} micro-batch ${`${microBatch}`.padStart(2)}  best ${imagesPerSecond.best.toFixed(1).padStart(5)} images/s  median ${imagesPerSecond.median.toFixed(1).padStart(5)}  peak ${`${peakMemoryMiB}`.padStart(5)} MiB`,
    );
  }
  console.log(`ours / PyTorch + PEFT fp32: best ${ratio.best}, median ${ratio.median}`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: "string" },
    quick: { type: "boolean", default: false },
    "micro-batch": { type: "string", default: `${MICRO_BATCH}` },
    rounds: { type: "string" },
    threads: { type: "string", default: "2" },
  },
});
const [folder, json] = positionals;
if (folder !== undefined && json !== undefined) {
  await serveOurs(folder, JSON.parse(json) as SideOptions);
} else if (values.python === undefined) {
  console.error("--python PATH is missing: a Python with torch, transformers and peft");
  process.exitCode = 2;
} else {
  await compare({
    python: values.python,
    microBatch: Number(values["micro-batch"]),
    rounds: Number(values.rounds ?? (values.quick ? 2 : 8)),
    steps: values.quick ? 1 : 2,
    threads: Number(values.threads),
    save: !values.quick,
  });
}
