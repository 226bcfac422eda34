/**
 * @file Images/s and peak memory of features: ours against PyTorch on the same processor.
 *
 *     npm run bench -- inference [--python PYTHON] [--quick] [--networks vit-b-16,vit-s-16,vit-ti-8] [--rounds N]
 *                                [--threads N] [--out FILE]
 *
 * PyTorch's sides are there under both attentions of transformers. Every side has a process of its own and the same weights and images; sides take turns, and their features must agree.
 * PYTHON has torch, transformers and safetensors.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadBackbone } from "../src/node/backbones/backbone.ts";
import { bareNetwork, bestAndMedian, measuringContext, type SpeedOptions } from "../src/node/runs/speed.ts";
import { type Attention, fastest, underBothAttentions } from "./attention.ts";
import { ownWorker, pythonWorker, type Side, serve, takeTurns } from "./measure.ts";
import { type Network, tokensOf, withNetworks } from "./networks.ts";
import { benchOptions, pythonWith, sidesThatRun } from "./options.ts";
import { besidePyTorch, type CaseResult, conclude, type Ratio, ratio, speedSides } from "./result.ts";

/** What a side runs with. */
interface PassOptions {
  readonly batch: number;
  readonly microBatch: number;
  readonly threads: number;
  readonly precision: string;
  /** Of transformers; ours has one. */
  readonly attention: Attention;
}

interface Kind {
  readonly name: string;
  readonly precision: string;
  readonly micro: boolean;
  /** Largest distance from the features of the first side, relative to their length. */
  readonly tolerance: number;
  readonly attention?: Attention;
}

/** Ours first: the others' features are compared with those of the first. In 8 bits, a run has one image. */
const OURS: readonly Kind[] = [
  { name: "fm-lora, fp32", precision: "float32", micro: true, tolerance: 1e-4 },
  { name: "fm-lora, int8", precision: "int8", micro: true, tolerance: 0.2 },
];
const THEIRS: readonly Kind[] = underBothAttentions<Kind>([
  { name: "PyTorch, fp32", precision: "fp32", micro: false, tolerance: 1e-4 },
  { name: "PyTorch, fp32, micro-batches", precision: "fp32", micro: true, tolerance: 1e-4 },
  { name: "PyTorch, bf16 autocast", precision: "autocast", micro: false, tolerance: 0.1 },
  { name: "PyTorch, bf16 weights", precision: "bf16", micro: false, tolerance: 0.1 },
  { name: "PyTorch, bf16 weights, micro-batches", precision: "bf16", micro: true, tolerance: 0.1 },
]);

interface Answer {
  readonly milliseconds: readonly number[];
  /** Features of the first image. */
  readonly first: readonly number[];
}

async function serveOurs(folder: string, passOptions: PassOptions): Promise<void> {
  const { batch } = passOptions;
  const precision = passOptions.precision as SpeedOptions["precision"];
  const backbone = loadBackbone(folder, { stored: precision === "int8" });
  const vit = bareNetwork(await measuringContext(backbone, { ...passOptions, precision }));
  const images = new Uint8Array(readFileSync(join(folder, "images")));
  await serve(async ({ steps }: { readonly steps: number }): Promise<Answer> => {
    const milliseconds: number[] = [];
    let first: number[] = [];
    for (let i = 0; i < steps; i++) {
      const began = performance.now();
      const features = await vit.features({ images, count: batch });
      milliseconds.push(performance.now() - began);
      first = Array.from(features.subarray(0, backbone.config.hiddenSize));
    }
    return { milliseconds, first };
  });
}

async function compare(folder: string, network: Network, python: string | undefined): Promise<CaseResult> {
  const { batch } = network;
  const { threads } = options;
  const side = (kind: Kind, ours: boolean): Side & Kind & { ours: boolean; microBatch: number } => {
    const microBatch = kind.micro ? network.microBatch : batch;
    const json = JSON.stringify({
      batch,
      microBatch,
      threads,
      precision: kind.precision,
      attention: kind.attention ?? "default",
    });
    const worker = ours
      ? ownWorker(import.meta.url, ["serve", folder, json])
      : pythonWorker(python!, "peers/inference.py", [folder, json]);
    return { ...kind, worker, ours, microBatch };
  };
  const sides = [
    ...OURS.map((kind) => side(kind, true)),
    ...(python === undefined ? [] : sidesThatRun(options, THEIRS).map((kind) => side(kind, false))),
  ];
  const rounds = options.rounds ?? (options.quick ? 1 : 8);
  const finished = await takeTurns(sides, rounds, ({ worker }) => worker.ask<Answer>({ steps: 2 }));
  const results = finished.map(({ side: which, answers, peakMiB }) => ({
    ...which,
    ...bestAndMedian(answers.slice(1).flatMap(({ milliseconds }) => milliseconds)),
    first: answers[0]!.first,
    peakMiB,
  }));
  for (const { name, first, tolerance } of results) {
    const apart = distance(first, results[0]!.first);
    if (!(apart <= tolerance))
      throw new Error(`${name}: its features are ${apart} from those of ${results[0]!.name}`);
  }
  return {
    name: network.label,
    settings: { tokens: tokensOf(network), batch, threads },
    sides: speedSides(results, batch),
    ratios: ratios(results),
  };
}

type Measured = Kind & { ours: boolean; best: number; median: number };

/** Each of ours against the fastest of PyTorch's in fp32 and in bf16. */
function ratios(results: readonly Measured[]): Ratio[] {
  const fastestOf = (exact: boolean): Measured | undefined =>
    fastest(results.filter(({ ours, precision }) => !ours && (precision === "fp32") === exact));
  return results
    .filter(({ ours }) => ours)
    .flatMap((own) => {
      const coarse = own.precision === "int8";
      return [
        { theirs: fastestOf(true), target: coarse ? { atLeast: 2.5 } : undefined },
        { theirs: fastestOf(false), target: coarse ? { atLeast: 1 } : undefined },
      ].flatMap(({ theirs, target }) => {
        if (theirs === undefined) return [];
        return [
          ratio(
            `speed, ${own.name} / ${theirs.name}`,
            [theirs.best / own.best, theirs.median / own.median],
            target,
          ),
        ];
      });
    });
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, i) => value - b[i]!)) / Math.hypot(...b);
}

const options = benchOptions({ networks: { type: "string" } });
const [mode, folder, json] = options.positionals;
if (mode === "serve") await serveOurs(folder!, JSON.parse(json!) as PassOptions);
else {
  const python = pythonWith(options, ["torch", "transformers", "safetensors"]);
  const cases: CaseResult[] = [];
  await withNetworks(options, { rank: 1, classes: 2 }, async (path, network) => {
    cases.push(await compare(path, network, python?.command));
  });
  const found = {
    title: "Features of a batch",
    what: "Bytes of images to the CLS token after the last layer norm; random weights.",
    cases,
    ...besidePyTorch(python, options),
  };
  conclude("inference", found, options);
}
