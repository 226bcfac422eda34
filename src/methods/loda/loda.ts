/**
 * @file LoDA: two low-rank updates a task, one in directions that its inputs share with past ones and one in directions of its
 * own; after the task both are folded into the weights, the shared one the less the more past inputs use a direction.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import { observePass, type PassResult } from "../../network/feature-pass.ts";
import { inputMoments } from "../../network/input-moments.ts";
import {
  foldedPairs,
  type LowRankPairsOptions,
  lowRankPairs,
  zeroPairs,
} from "../../network/low-rank-pairs.ts";
import { frozenValues, ownName, ownWeights } from "../../network/own-weights.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "../method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "../parts/adapter-learner.ts";
import { PLAIN_RECIPE } from "../parts/recipe.ts";
import { adaptedSites } from "../parts/sites.ts";
import { atRate } from "../parts/task-training.ts";
import { around, logarithmic } from "../ranges.ts";
import { generalDirections, keptShares, ownDirections } from "./directions.ts";
import { MutualTraining } from "./mutual-training.ts";

const options = z.object({
  rank: z
    .number()
    .int()
    .positive()
    .default(32)
    .describe("rank of each of a task's two updates (published: 32 or 64)"),
  generalFactor: z
    .number()
    .positive()
    .default(0.25)
    .describe("weight of the general update (published: 0.25)"),
  ownFactor: z.number().positive().default(0.5).describe("weight of the task's own update (published: 0.5)"),
  keepGamma: z
    .number()
    .positive()
    .default(3)
    .describe(
      "how much the task's inputs count against past ones when the general update is folded in (published: 3)",
    ),
  rho: z
    .number()
    .min(0)
    .default(0.3)
    .describe(
      "longest lead of one half of the classes for the other (published: 0.3 or 0.7); 0: plain steps",
    ),
  doubledMoments: z
    .boolean()
    .default(false)
    .describe("as the published code does: a task's inputs are added to past ones twice"),
  scale: z.number().positive().default(20).describe("scale of the classifier's cosines (published: 20)"),
  margin: z.number().min(0).default(0).describe("margin of the classifier's cosines (published: 0 to 0.1)"),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of B, and in the first task of A"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** Low-rank updates by decomposed input spaces. */
export const loda = defineMethod({
  name: "loda",
  summary: "a general and an own low-rank update a task, in directions by past and new inputs, folded in",
  source: "He et al., LoDA, ICML 2026, arXiv 2603.00191",
  options,
  ranges: { basesRate: around(5e-4), headRate: logarithmic(1e-3, 1e-1) },
  traits: adapterTraits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new LoDa(context, values),
});

/** The block of a site: its queries, keys and values read the same inputs, and share A. */
const blockOf = (site: string): string => site.slice(0, site.lastIndexOf("."));
const [GENERAL, OWN] = ["general", "own"];

class LoDa extends AdapterLearner {
  readonly #options: Options;
  readonly #blocks: readonly string[];
  readonly #pairs: LowRankPairsOptions;
  readonly #none: Tensors;
  #weights: Tensors;
  /** Sum over past tasks of the mean x xᵀ of what attention reads, by block. [d, d] */
  #past: Record<string, Float64Array>;

  constructor(context: MethodContext, options: Options) {
    const { backbone } = context;
    const { layers, hiddenSize: d } = backbone.config;
    const { rank, generalFactor, ownFactor } = options;
    const blocks = Array.from({ length: layers }, (_, block) => `blocks.${block}`);
    const pairs = {
      sites: adaptedSites(backbone.config, ["query", "key", "value"]),
      pairs: [
        { name: GENERAL!, rank, factor: generalFactor },
        { name: OWN!, rank, factor: ownFactor },
      ],
      inputOf: blockOf,
    };
    const names = pairs.sites.map((site) => `${site}.weight`);
    const adaptations = [
      lowRankPairs(backbone, pairs),
      ownWeights(backbone, names),
      inputMoments(blocks.map((block) => `${block}.key`)),
    ];
    super(context, adaptations, PLAIN_RECIPE, options.scale);
    this.#options = options;
    this.#blocks = blocks;
    this.#pairs = pairs;
    this.#none = zeroPairs(backbone, pairs);
    this.#weights = frozenValues(backbone, names);
    this.#past = Object.fromEntries(blocks.map((block) => [block, new Float64Array(d * d)]));
  }

  protected get values(): Tensors {
    return { ...this.#weights, ...this.#none };
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { basesRate, headRate, scale, margin, rho } = this.#options;
    const { seed, optimization } = this.context;
    const seen = await observePass(task.pass("features before"), this.network, this.values);
    const directions = this.#directions(seen);
    const first = this.untrained;
    const start = { ...this.#none, ...directions };
    const moving = Object.keys(start).filter((name) =>
      first ? name.startsWith(`${GENERAL}/`) : name.endsWith(".b"),
    );
    const training = new MutualTraining(
      {
        network: this.network,
        classes: task.classes,
        rows: this.rows,
        headRate,
        optimization,
        fixed: { ...this.#weights, ...start },
        direct: atRate(basesRate, Object.fromEntries(moving.map((name) => [name, start[name]!]))),
        cosine: { rng: Rng.at(seed, "rows", task.index), scale: { value: scale, margin } },
        rates: ["basesRate", "headRate"],
      },
      { led: moving, rho, path: [seed, "halves", task.index] },
    );
    const fold = (): void => {
      const trained = Object.fromEntries(moving.map((name) => [name, training.value(name)]));
      const kept = first ? {} : this.#kept(trained, directions, seen);
      const final = { ...start, ...trained, ...kept };
      const folded = this.#pairs.sites.map((site) => {
        const name = ownName(`${site}.weight`);
        return [name, foldedPairs(this.#weights[name]!, final, this.#pairs, site)] as const;
      });
      this.#weights = Object.fromEntries(folded);
    };
    return { before: { features: seen.features, labels: seen.labels }, training, fold };
  }

  /** A of both updates; in the first task there is no past to tell the second one's from. */
  #directions(seen: PassResult): Record<string, Tensor> {
    const { rank } = this.#options;
    const { hiddenSize: d } = this.context.backbone.config;
    const all = this.#blocks.map((block) => {
      const [past, current] = [this.#past[block]!, meanMoment(seen, block)];
      const general = generalDirections(past, current, d, rank);
      const shared = { [`${GENERAL}/${block}.a`]: tensor("float32", [rank, d], general) };
      if (this.untrained) return shared;
      const own = ownDirections(past, current, d, rank);
      return { ...shared, [`${OWN}/${block}.a`]: tensor("float32", [rank, d], own) };
    });
    return Object.assign({}, ...all);
  }

  /** B of the general update, its columns by what is kept of their directions. */
  #kept(trained: Tensors, directions: Tensors, seen: PassResult): Record<string, Tensor> {
    const { keepGamma, rank } = this.#options;
    const { hiddenSize: d } = this.context.backbone.config;
    const shares = new Map(
      this.#blocks.map((block) => {
        const a = float32Data(directions[`${GENERAL}/${block}.a`]!);
        return [block, keptShares(a, this.#past[block]!, meanMoment(seen, block), d, keepGamma)];
      }),
    );
    const all = this.#pairs.sites.map((site) => {
      const name = `${GENERAL}/${site}.b`;
      const own = shares.get(blockOf(site))!;
      const { dims } = trained[name]!;
      const data = float32Data(trained[name]!).map((value, i) => value * own[i % rank]!);
      return [name, tensor("float32", dims, data)] as const;
    });
    return Object.fromEntries(all);
  }

  /** The task's inputs under the new model join those of the past. */
  protected override async observe(task: TaskData): Promise<LabeledFeatures | undefined> {
    const seen = await observePass(task.pass("class statistics"), this.network, this.values);
    const times = this.#options.doubledMoments ? 2 : 1;
    for (const block of this.#blocks) {
      const current = meanMoment(seen, block);
      // As it is saved: a resumed run must compute the same.
      this.#past[block] = this.#past[block]!.map((value, i) => Math.fround(value + times * current[i]!));
    }
    return { features: seen.features, labels: seen.labels };
  }

  protected ownState(): Record<string, Tensor> {
    const { hiddenSize: d } = this.context.backbone.config;
    const moments = this.#blocks.map((block) => [
      `${block}.moment`,
      tensor("float32", [d, d], Float32Array.from(this.#past[block]!)),
    ]);
    return { ...this.#weights, ...Object.fromEntries(moments) };
  }

  protected loadOwn(state: Tensors): void {
    this.#weights = Object.fromEntries(Object.keys(this.#weights).map((name) => [name, state[name]!]));
    for (const block of this.#blocks)
      this.#past[block] = Float64Array.from(float32Data(state[`${block}.moment`]!));
  }
}

/** (1 / n) Σ x xᵀ of what the block's attention reads. */
const meanMoment = ({ moments, tokens }: PassResult, block: string): Float64Array => {
  const count = Math.max(tokens[`${block}.key`]!, 1);
  return Float64Array.from(moments[`${block}.key`]!, (value) => value / count);
};
