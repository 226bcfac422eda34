/**
 * @file Images/s of one LoRA training step on a graphics processor: ours against PyTorch + PEFT on the same one.
 *
 *     npm run bench -- gpu [--device cuda|webgpu|dml|coreml] [--python PYTHON] [--quick] [--networks vit-b-16,vit-s-16,vit-ti-8]
 *                          [--rounds N] [--threads N] [--out FILE]
 *
 * Without --device the first that works is taken; where there is none, that is all it says. What is compared is what
 * `npm run bench -- training-step` compares, in whole batches. PyTorch waits for each loss, as we do.
 */
import { spawnSync } from "node:child_process";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { workingRuntime } from "../src/node/runtime/runtime.ts";
import type { Device } from "../src/runtime/runtime.ts";
import { ownWorker, pythonWorker, takeTurns } from "./measure.ts";
import { type Network, tokensOf, withNetworks } from "./networks.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { besidePyTorch, type CaseResult, conclude, ratio, speedSides } from "./result.ts";
import {
  type Answer,
  checkLosses,
  PACKAGES,
  PEER,
  RATE,
  SHAPE,
  STEP,
  STEP_WORKER,
  type StepOptions,
} from "./step-worker.ts";

/** Fastest first, where several work. */
const GRAPHICS: readonly Device[] = ["cuda", "webgpu", "dml", "coreml"];

const PYTORCH = [
  { name: "PyTorch + PEFT, fp32", precision: "fp32", exact: true },
  { name: "PyTorch + PEFT, bf16 autocast", precision: "autocast", exact: false },
];

/** The first device that works, or why none does. */
async function graphics(wanted: readonly Device[]): Promise<Device | string[]> {
  const reasons: string[] = [];
  for (const device of wanted) {
    try {
      await workingRuntime({ threads: 1, device });
      return device;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  return reasons;
}

/** What PyTorch computes on besides the processor. */
function pytorchDevice(python: string): "cuda" | "mps" | undefined {
  const script =
    "import torch; print('cuda' if torch.cuda.is_available() else 'mps' if torch.backends.mps.is_available() else '')";
  const { stdout } = spawnSync(python, ["-c", script], { encoding: "utf8" });
  const found = stdout.trim();
  return found === "cuda" || found === "mps" ? found : undefined;
}

/** Runs all sides of one network in turns. */
async function compare(folder: string, network: Network, device: Device): Promise<CaseResult> {
  const { batch } = network;
  const settings = { batch, microBatch: batch, ...SHAPE, rate: RATE, threads: options.threads };
  const json = (more: Pick<StepOptions, "device" | "precision">): string =>
    JSON.stringify({ ...settings, ...more, compile: false, attention: "default" } satisfies StepOptions);
  const ours = {
    name: `fm-lora, fp32, ${device}`,
    exact: true,
    worker: ownWorker(STEP_WORKER, [folder, json({ device, precision: "float32" })]),
  };
  const theirs = PYTORCH.flatMap((kind) => {
    if (peer === undefined) return [];
    const { precision } = kind;
    const words = ["serve", folder, json({ device: peer.device, precision })];
    return [{ ...kind, worker: pythonWorker(peer.command, PEER, words) }];
  });
  const steps = options.quick ? 1 : 4;
  const finished = await takeTurns(
    [ours, ...theirs],
    options.rounds ?? (options.quick ? 1 : 6),
    ({ worker }) => worker.ask<Answer>({ steps }),
  );
  const results = finished.map(({ side, answers, peakMiB }) => ({
    ...side,
    // The first round compiles and fills caches.
    ...bestAndMedian(answers.slice(1).flatMap(({ milliseconds }) => milliseconds)),
    losses: answers.flatMap(({ losses }) => losses),
    peakMiB,
    microBatch: batch,
  }));
  checkLosses(results);
  const [own, ...others] = results;
  return {
    name: network.label,
    settings: { tokens: tokensOf(network), batch, ...SHAPE, device },
    sides: speedSides(results, batch),
    ratios: others.map((each) =>
      ratio(`speed, ${own!.name} / ${each.name}`, [each.best / own!.best, each.median / own!.median]),
    ),
  };
}

const options = benchOptions({ networks: { type: "string" }, device: { type: "string" } });
const typed = options.own.device as string | undefined;
if (typed !== undefined && !GRAPHICS.some((each) => each === typed)) {
  throw new Error(`--device ${typed}: expected one of ${GRAPHICS.join(", ")}`);
}
const found = await graphics(GRAPHICS.filter((each) => typed === undefined || each === typed));
const peer = peerWith(pythonWith(options, PACKAGES));

function peerWith(python: ReturnType<typeof pythonWith>) {
  if (python === undefined) return undefined;
  const device = pytorchDevice(python.command);
  if (device === undefined)
    console.error("SKIPPED: PyTorch's sides: this PyTorch sees no graphics processor");
  return device === undefined ? undefined : { ...python, device };
}

if (typeof found !== "string") {
  console.log("nothing was measured: this machine has no graphics processor that computes");
  for (const reason of found) console.log(`  ${reason}`);
} else {
  const cases: CaseResult[] = [];
  await withNetworks(options, SHAPE, async (folder, network) => {
    cases.push(await compare(folder, network, found));
  });
  conclude(
    "gpu",
    {
      title: "One LoRA training step on a graphics processor",
      what: STEP,
      cases,
      ...besidePyTorch(peer, { threads: options.threads, device: found }),
    },
    options,
  );
}
