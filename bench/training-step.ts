/**
 * @file Images/s and peak memory of one LoRA training step: ours against PyTorch + PEFT on the same processor.
 *
 *     npm run bench -- training-step [--python PYTHON] [--quick] [--check] [--networks vit-b-16,vit-s-16,vit-ti-8]
 *                                    [--micro-batch N] [--rounds N] [--threads N] [--no-compile] [--out FILE]
 *
 * PyTorch's sides are there under both attentions of transformers. Every side has a process of its own and begins with the same weights and images; sides take turns, and their losses
 * must agree. --check compares our loss and gradients with torch's in float64 instead. PYTHON has torch, transformers,
 * peft and safetensors.
 */
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { type Attention, fastest, underBothAttentions } from "./attention.ts";
import { checkGradients } from "./gradients.ts";
import { ownWorker, pythonWorker, type Side, takeTurns } from "./measure.ts";
import { type Network, tokensOf, withNetworks } from "./networks.ts";
import { benchOptions, pythonWith, sidesThatRun } from "./options.ts";
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
  trainOurs,
} from "./step-worker.ts";

interface Kind {
  readonly name: string;
  readonly precision: string;
  /** The class of precision in which peak memory is compared. */
  readonly exact: boolean;
  readonly micro: boolean;
  readonly compile?: boolean;
  readonly attention?: Attention;
  /** Its name whatever the attention. */
  readonly base?: string;
}

/** Our ways to compute a step. */
const OURS: readonly Kind[] = [
  { name: "fm-lora, fp32", precision: "float32", exact: true, micro: true },
  { name: "fm-lora, int8", precision: "int8", exact: false, micro: true },
];

const THEIRS: readonly Kind[] = underBothAttentions<Kind>([
  { name: "PyTorch + PEFT, fp32 eager", precision: "fp32", exact: true, micro: false },
  { name: "PyTorch + PEFT, fp32 eager, micro-batches", precision: "fp32", exact: true, micro: true },
  { name: "PyTorch + PEFT, fp32 torch.compile", precision: "fp32", exact: true, micro: false, compile: true },
  { name: "PyTorch + PEFT, bf16 autocast", precision: "autocast", exact: false, micro: false },
  { name: "PyTorch + PEFT, bf16 autocast, micro-batches", precision: "autocast", exact: false, micro: true },
  { name: "PyTorch + PEFT, bf16 weights", precision: "bf16", exact: false, micro: false },
  {
    name: "PyTorch + PEFT, bf16 autocast, torch.compile",
    precision: "autocast",
    exact: false,
    micro: false,
    compile: true,
  },
]);

type StepSide = Side & Kind & { readonly ours: boolean; readonly microBatch: number };

/** Runs all sides of one network in turns. */
async function compare(folder: string, network: Network, python: string | undefined): Promise<CaseResult> {
  const { batch } = network;
  const small =
    options.own["micro-batch"] === undefined ? network.microBatch : Number(options.own["micro-batch"]);
  if (batch % small !== 0) throw new Error(`--micro-batch ${small} doesn't divide the batch of ${batch}`);
  const side = (kind: Kind, ours: boolean): StepSide => {
    const microBatch = kind.micro ? small : batch;
    const { precision, compile = false, attention = "default" } = kind;
    const json = JSON.stringify({
      batch,
      microBatch,
      ...SHAPE,
      rate: RATE,
      threads: options.threads,
      precision,
      compile,
      attention,
    });
    const worker = ours
      ? ownWorker(STEP_WORKER, [folder, json])
      : pythonWorker(python!, PEER, ["serve", folder, json]);
    return { ...kind, worker, ours, microBatch };
  };
  const theirs = sidesThatRun(options, THEIRS).filter(({ compile }) => compile !== true || withCompile);
  const sides = [
    ...OURS.map((kind) => side(kind, true)),
    ...(python === undefined ? [] : theirs.map((kind) => side(kind, false))),
  ];
  const steps = options.quick ? 1 : 2;
  const finished = await takeTurns(sides, options.rounds ?? (options.quick ? 1 : 6), ({ worker }, round) =>
    worker.ask<Answer>({ steps: round === 0 ? 2 : steps }),
  );
  const results = finished.map(({ side: which, answers, peakMiB }) => ({
    ...which,
    ...bestAndMedian(answers.slice(1).flatMap(({ milliseconds }) => milliseconds)),
    losses: answers.flatMap(({ losses }) => losses),
    peakMiB,
  }));
  checkLosses(results);
  return {
    name: network.label,
    settings: { tokens: tokensOf(network), batch, ...SHAPE, threads: options.threads },
    sides: speedSides(results, batch),
    ratios: ratios(results),
  };
}

type Measured = StepSide & { best: number; median: number; losses: number[]; peakMiB: number | "–" };

/** Ours against the sides that the targets name. */
function ratios(results: readonly Measured[]) {
  const named = (name: string) => results.find((each) => each.name === name);
  const underBoth = (name: string) => results.filter(({ base }) => base === name);
  const found: ReturnType<typeof ratio>[] = [];
  const speed = (a: Measured | undefined, b: Measured | undefined, what: string, atLeast?: number): void => {
    const target = atLeast === undefined ? undefined : { atLeast };
    if (a !== undefined && b !== undefined)
      found.push(ratio(what, [b.best / a.best, b.median / a.median], target));
  };
  const exact = named("fm-lora, fp32");
  const plain = fastest(underBoth("PyTorch + PEFT, fp32 eager"));
  const which = plain?.attention === "eager" ? ", eager attention" : "";
  speed(exact, plain, `speed, fm-lora fp32 / PyTorch fp32 eager${which}`, 2.3);
  const rounding = named("fm-lora, int8");
  speed(rounding, plain, `speed, fm-lora int8 / PyTorch fp32 eager${which}`);
  const ours = fastest(results.filter((each) => each.ours));
  const theirs = fastest(results.filter((each) => !each.ours));
  speed(ours, theirs, `speed, our fastest (${ours?.name}) / PyTorch's fastest (${theirs?.name})`, 1.9);
  /** Against the smaller of both attentions. */
  const memory = (a: Measured, base: string, what: string, atMost: number): void => {
    const peaks = underBoth(base).flatMap(({ peakMiB }) => (typeof peakMiB === "number" ? [peakMiB] : []));
    if (typeof a.peakMiB === "number" && peaks.length > 0)
      found.push(ratio(what, [a.peakMiB / Math.min(...peaks)], { atMost }));
  };
  for (const each of results.filter((candidate) => candidate.ours)) {
    const precision = each.exact ? "fp32 eager" : "bf16 autocast";
    memory(each, `PyTorch + PEFT, ${precision}`, `memory, ${each.name} / PyTorch ${precision}`, 0.5);
    const cut = `${precision}, micro-batches`;
    memory(each, `PyTorch + PEFT, ${cut}`, `memory, ${each.name} / PyTorch ${cut}`, 1);
  }
  return found;
}

/** Prints how far our loss and gradients are from torch's in float64. */
async function check(folder: string, network: Network, python: string): Promise<void> {
  const { batch, microBatch } = network;
  for (const { name, precision } of OURS.filter(({ exact }) => exact)) {
    const step = {
      batch,
      microBatch,
      ...SHAPE,
      rate: RATE,
      threads: options.threads,
      precision,
      compile: false,
      attention: "default",
    } as const;
    const worker = pythonWorker(python, PEER, [
      "check",
      folder,
      JSON.stringify({ ...step, precision: "fp32" }),
    ]);
    await worker.ask({});
    worker.stop();
    console.log(`${network.label}, ${name}: ${await checkGradients(folder, await trainOurs(folder, step))}`);
  }
}

const options = benchOptions({
  networks: { type: "string" },
  "micro-batch": { type: "string" },
  check: { type: "boolean", default: false },
  "no-compile": { type: "boolean", default: false },
});
/** Inductor takes minutes to compile. */
const withCompile = options.own["no-compile"] !== true && !options.quick;
const python = pythonWith(options, PACKAGES);
const cases: CaseResult[] = [];
await withNetworks(options, SHAPE, async (path, network) => {
  if (options.own.check !== true) cases.push(await compare(path, network, python?.command));
  else if (python !== undefined) await check(path, network, python.command);
});
const found = {
  title: "One LoRA training step",
  what: STEP,
  cases,
  ...besidePyTorch(python, options),
};
if (options.own.check !== true) conclude("training-step", found, options);
