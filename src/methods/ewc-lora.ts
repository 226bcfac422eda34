/**
 * @file EWC-LoRA: one low-rank update at a time, held back where past tasks need the weights. After a task it is folded into
 * the weights, and the squared gradients of its images by the weights join what later tasks are charged with.
 */
import * as z from "zod";
import type { Adaptation } from "../network/adaptation.ts";
import { foldedPairs, type LowRankPairsOptions, lowRankPairs, zeroPairs } from "../network/low-rank-pairs.ts";
import { localCrossEntropy } from "../network/objective.ts";
import { frozenValues, ownName, ownWeights } from "../network/own-weights.ts";
import { squaredGradients } from "../network/squared-gradients.ts";
import { add, matmul, mul, reduceSum, scale } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { prefixed } from "../tensor/prefix.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { initialBases } from "./parts/low-rank-bases.ts";
import { adaptedSites, sitesOption } from "./parts/sites.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";
import { around, logarithmic } from "./ranges.ts";

const options = z.object({
  rank: z.number().int().positive().default(10).describe("rank of each task's update (published: 10)"),
  sites: sitesOption(["key", "value"]),
  elasticity: z
    .number()
    .min(0)
    .default(4e4)
    .describe(
      "weight of the penalty (lambda); published: 5e6 or 1e7 with `batchImportance` in batches of 128 (5e6 / 128 is 4e4)",
    ),
  importanceDecay: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("what is left of past tasks' importance when one joins (gamma; published: 1)"),
  batchImportance: z
    .boolean()
    .default(false)
    .describe("as the published code does: importance from the gradients of whole batches, not of images"),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B (published: 5e-4)"),
  headRate: z
    .number()
    .positive()
    .default(5e-3)
    .describe("learning rate of the classifier rows (published: 5e-3)"),
});
type Options = z.infer<typeof options>;

/** Elastic weight consolidation of the full weights, with low-rank updates. */
export const ewcLora = defineMethod({
  name: "ewc-lora",
  summary: "one low-rank update at a time, held back where past tasks need the weights",
  source: "Zheng et al., EWC-LoRA, ICLR 2026, arXiv 2602.17559",
  options,
  ranges: { basesRate: around(5e-4), headRate: around(5e-3), elasticity: logarithmic(4e2, 4e6) },
  traits: adapterTraits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new EwcLora(context, values),
});

const PAIR = { name: "update", factor: 1 };

class EwcLora extends AdapterLearner {
  readonly #options: Options;
  readonly #pairs: LowRankPairsOptions;
  readonly #own: Adaptation;
  readonly #none: Tensors;
  /** Names of the weights that change. */
  readonly #names: readonly string[];
  #weights: Tensors;
  /** Squared gradients of past tasks, Ω, by site. */
  #importance: Record<string, Tensor<"float32">>;

  constructor(context: MethodContext, options: Options) {
    const { backbone } = context;
    const sites = adaptedSites(backbone.config, options.sites);
    const pairs = { sites, pairs: [{ ...PAIR, rank: options.rank }] };
    const names = sites.map((site) => `${site}.weight`);
    const own = ownWeights(backbone, names);
    super(context, [lowRankPairs(backbone, pairs), own, elasticPenalty(pairs, options.elasticity)]);
    this.#options = options;
    this.#pairs = pairs;
    this.#own = own;
    this.#none = zeroPairs(backbone, pairs);
    this.#names = names;
    this.#weights = frozenValues(backbone, names);
    this.#importance = Object.fromEntries(
      sites.map((site) => [site, zeroTensor(backbone.weights[`${site}.weight`]!.dims)]),
    );
  }

  protected get values(): Tensors {
    return { ...this.#weights, ...this.#none, ...importanceValues(this.#importance) };
  }

  protected async open({ classes, index }: TaskData): Promise<OpenTask> {
    const { rank, basesRate, headRate } = this.#options;
    const { backbone, seed, optimization } = this.context;
    const bases = initialBases(backbone, this.#pairs.sites, rank, `${seed}/${index}`);
    const training = new TaskTraining({
      network: this.network,
      classes,
      rows: this.rows,
      headRate,
      optimization,
      fixed: { ...this.#weights, ...importanceValues(this.#importance) },
      direct: atRate(basesRate, prefixed(`${PAIR.name}/`, bases)),
      rates: ["basesRate", "headRate"],
    });
    const fold = (): void => {
      const names = Object.keys(this.#none);
      const trained = Object.fromEntries(names.map((name) => [name, training.value(name)]));
      const folded = this.#pairs.sites.map((site): [string, Tensor] => {
        const name = ownName(`${site}.weight`);
        return [name, foldedPairs(this.#weights[name]!, trained, this.#pairs, site)];
      });
      this.#weights = Object.fromEntries(folded);
    };
    return { training, fold };
  }

  /** Ω ← γ Ω + mean over the task's images of (∂ loss / ∂ W)², under local cross-entropy and the weights as they are now. */
  protected override async observe(task: TaskData): Promise<undefined> {
    if (this.plan(task.classes) === "none") return undefined;
    const { importanceDecay, batchImportance } = this.#options;
    const { weight, bias, capacity } = this.rows.open(task.classes);
    const found = await squaredGradients(
      task.pass("importance of weights"),
      { ...this.#weights, "head.weight": weight, "head.bias": bias },
      {
        context: this.context,
        adaptations: [this.#own],
        sites: this.#pairs.sites,
        objective: localCrossEntropy({ classes: task.classes, capacity }),
        of: batchImportance ? "batches" : "images",
      },
    );
    for (const [site, squares] of Object.entries(found)) {
      const before = this.#importance[site]!;
      const sum = before.data.map((value, i) => importanceDecay * value + squares[i]!);
      this.#importance[site] = tensor("float32", before.dims, sum);
    }
    return undefined;
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#weights, ...importanceValues(this.#importance) };
  }

  protected loadOwn(state: Tensors): void {
    this.#weights = Object.fromEntries(this.#names.map((name) => [ownName(name), state[ownName(name)]!]));
    for (const site of this.#pairs.sites) {
      const saved = state[`${site}.importance`]!;
      this.#importance[site] = tensor("float32", saved.dims, float32Data(saved));
    }
  }
}

const importanceValues = (importance: Tensors): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(importance).map(([site, value]) => [`${site}.importance`, value]));

/** λ / 2 Σ Ω ∘ (B A)², with Ω as values `${site}.importance` [out, in]. */
const elasticPenalty = ({ sites }: LowRankPairsOptions, elasticity: number): Adaptation => ({
  name: `elasticity ${elasticity}`,
  hooks: () => ({}),
  loss(values, imageShare) {
    const terms = sites.map((site) => {
      const [a, b] = [
        values.known.get(`${PAIR.name}/${site}.a`)!,
        values.known.get(`${PAIR.name}/${site}.b`)!,
      ];
      const update = matmul(b, a);
      return reduceSum(mul(values(`${site}.importance`, update.dims), mul(update, update)));
    });
    const sum = terms.reduce((total, term) => add(total, term));
    return scale(mul(sum, reduceSum(imageShare)), elasticity / 2);
  },
  merging: { names: [], weights: () => ({}) }, // nothing stays
});
