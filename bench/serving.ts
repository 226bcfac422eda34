/**
 * @file Latency of one image: a merged fm-lora model against the bare backbone.
 *
 *     npm run bench -- serving [--quick] [--networks vit-b-16,vit-s-16,vit-ti-8] [--rounds N] [--threads N] [--out FILE]
 *
 * Every side has a process of its own; sides take turns. All are ours: no Python is needed.
 */
import { loadBackbone } from "../src/node/backbones/backbone.ts";
import {
  bareNetwork,
  bestAndMedian,
  measuringContext,
  randomBatch,
  trainedModel,
} from "../src/node/runs/speed.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { ownWorker, serve, takeTurns } from "./measure.ts";
import { type Network, tokensOf, withNetworks } from "./networks.ts";
import { benchOptions } from "./options.ts";
import { type CaseResult, conclude, ratio, rounded } from "./result.ts";

const CLASSES = 100;
/** Options of fm-lora; null: no method at all. */
const SIDES = {
  "the bare backbone, features only": null,
  "fm-lora --no-prompts, class scores": { prompts: false },
  "fm-lora with 4 prompt tokens, class scores": { prompts: true, promptTokens: 4 },
} as const;
type SideName = keyof typeof SIDES;
const [BARE, MERGED] = Object.keys(SIDES) as [SideName, SideName];

/** Answers one image after the other. */
async function serveSide(folder: string, name: SideName, threads: number): Promise<void> {
  const backbone = loadBackbone(folder);
  const image = randomBatch(backbone, 1, 1);
  const options = SIDES[name];
  const answer = await (async () => {
    const context = await measuringContext(backbone, { threads, microBatch: 1, precision: "float32" });
    if (options === null) {
      const network = bareNetwork(context);
      return () => network.features(image);
    }
    const model = await trainedModel(context, CLASSES, options);
    return () => model.scores(image, CLASSES);
  })();
  await serve(async ({ images }: { readonly images: number }) => {
    const milliseconds: number[] = [];
    for (let i = 0; i < images; i++) {
      const began = performance.now();
      await answer();
      milliseconds.push(performance.now() - began);
    }
    return { milliseconds };
  });
}

async function compare(folder: string, network: Network): Promise<CaseResult> {
  const sides = (Object.keys(SIDES) as SideName[]).map((name) => ({
    name,
    worker: ownWorker(import.meta.url, ["serve", folder, name, "--threads", `${options.threads}`]),
  }));
  const images = options.quick ? 5 : 20;
  const finished = await takeTurns(sides, options.rounds ?? (options.quick ? 2 : 12), ({ worker }) =>
    worker.ask<{ milliseconds: number[] }>({ images }),
  );
  const results = finished.map(({ side: { name }, answers, peakMiB }) => {
    return { name, peakMiB, ...bestAndMedian(answers.slice(1).flatMap(({ milliseconds }) => milliseconds)) };
  });
  const bare = results.find(({ name }) => name === BARE)!;
  return {
    name: network.label,
    settings: { tokens: tokensOf(network), batch: 1, classes: CLASSES, threads: options.threads },
    sides: results.map(({ name, best, median, peakMiB }) => ({
      name,
      values: { "ms, best": rounded(best, 3), "ms, median": rounded(median, 3), "peak MiB": peakMiB },
    })),
    ratios: results
      .filter(({ name }) => name !== BARE)
      .map(({ name, best, median }) =>
        ratio(
          `time, ${name} / bare`,
          [best / bare.best, median / bare.median],
          name === MERGED ? { atMost: 1.02 } : undefined,
        ),
      ),
  };
}

const options = benchOptions({ networks: { type: "string" } });
const [mode, folder, side] = options.positionals;
if (mode === "serve") await serveSide(folder!, side as SideName, options.threads);
else {
  const cases: CaseResult[] = [];
  await withNetworks(options, { rank: 1, classes: 2 }, async (path, network) => {
    cases.push(await compare(path, network));
  });
  const found = {
    title: "One image at a time",
    what: "From the bytes of one image to class scores: the update is merged into the weights, so only the classifier (and prompts, where there are any) come on top.",
    versions: { runtime: nodeRuntime({ threads: options.threads }).name },
    cases,
    notes: [],
  };
  conclude("serving", found, options);
}
