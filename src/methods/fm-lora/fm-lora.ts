/**
 * @file FM-LoRA: one shared low-rank subspace, a dynamic rank selector, dynamic meta-prompting. Only the abstract
 * of arXiv 2504.08823 is public; everything finer here is our reconstruction, told in docs/method.md.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import { observePass } from "../../network/feature-pass.ts";
import { lowRank } from "../../network/low-rank.ts";
import { promptTokens } from "../../network/prompt-tokens.ts";
import { patchCount, tokensBeforePatches } from "../../nn/vit.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { optionText } from "../../tensor/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type Figure, INPUTS, RANK } from "../figures.ts";
import { defineMethod, type MethodContext, type TaskData } from "../method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "../parts/adapter-learner.ts";
import { recipeOptions } from "../parts/recipe.ts";
import { adaptedSites, requireBlocks, siteOptions } from "../parts/sites.ts";
import { atRate, gradientNames, TaskTraining, type Trained } from "../parts/task-training.ts";
import { around } from "../ranges.ts";
import { taskNeed } from "./need.ts";
import { probeGradients } from "./probe.ts";
import { SharedState } from "./shared-state.ts";
import { startUpdates } from "./start-updates.ts";
import { momentFingerprint } from "./subspace.ts";

const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of the shared subspace"),
  ...siteOptions,
  prompts: z
    .boolean()
    .default(false)
    .describe("dynamic meta-prompting; gained nothing wherever it was measured"),
  promptTokens: z
    .number()
    .int()
    .positive()
    .max(1024)
    .default(4)
    .describe("prompt tokens shared by all tasks"),
  promptBlocks: z
    .number()
    .int()
    .positive()
    .default(1)
    .describe("blocks, from the first on, with prompt tokens of their own; 1: the first, whose tokens stay"),
  promptStep: z
    .number()
    .min(0)
    .max(1)
    .default(0.3)
    .describe("Reptile step of the prompts after a task (epsilon)"),
  rankSelector: z
    .boolean()
    .default(true)
    .describe("dynamic rank selector; off: every task may use the full rank"),
  protection: z.boolean().default(true).describe("soft null-space projection away from past inputs"),
  protectionAlpha: z
    .number()
    .positive()
    .default(0.3)
    .describe("softness of the projection, in mean eigenvalues"),
  firstBasesRate: z.number().positive().default(2e-3).describe("learning rate of A and B in the first task"),
  basesRate: z.number().min(0).default(4e-4).describe("learning rate of A and B later; 0 freezes them"),
  coreRate: z.number().positive().default(1e-2).describe("learning rate of the core update (N, M)"),
  gateRate: z.number().positive().default(0.05).describe("learning rate of the rank gate"),
  promptRate: z.number().positive().default(1e-3).describe("learning rate of the prompts"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  plasticity: z
    .number()
    .min(0)
    .default(0)
    .describe(
      "more rank, softer protection and higher rates for a task that the network so far serves badly (kappa); 0: for none",
    ),
  probeImages: z.number().int().positive().default(128).describe("images the rank selector looks at"),
  ...recipeOptions({ rows: "cosine", rowStart: "class-means", distillation: 1 }),
});
type Options = z.infer<typeof options>;

/** The method this project is named after. */
export const fmLora = defineMethod({
  name: "fm-lora",
  summary: "shared low-rank subspace, dynamic rank selector, dynamic meta-prompting (our reconstruction)",
  source: "Yu et al., FM-LoRA, CVPR Workshops 2025, arXiv 2504.08823; details ours",
  options,
  ranges: { firstBasesRate: around(2e-3), basesRate: around(4e-4), coreRate: around(1e-2) },
  traits: adapterTraits,
  defaults: {
    heads: ["gaussian", "lda", "rows"],
    drift: "ridge",
    domains: { rows: "linear", rowStart: "zero" },
  },
  create: (context, values) => new FmLora(context, values),
});

class FmLora extends AdapterLearner {
  readonly #options: Options;
  readonly #sites: readonly string[];
  readonly #promptTokens: number;
  readonly #shared: SharedState;

  constructor(context: MethodContext, options: Options) {
    const { backbone, seed } = context;
    const { rank, promptBlocks: blocks } = options;
    const sites = adaptedSites(backbone.config, options.sites, options.adaptLast);
    const count = options.prompts ? options.promptTokens : 0;
    requireBlocks("promptBlocks", blocks, backbone.config.layers);
    const prompts = promptTokens({ count, width: backbone.config.hiddenSize, blocks });
    const updates = lowRank(backbone, { sites, rank, core: true });
    super(context, [updates, ...(count === 0 ? [] : [prompts])], options);
    this.#options = options;
    this.#sites = sites;
    this.#promptTokens = count;
    this.#shared = SharedState.initial(backbone, { sites, rank, promptTokens: blocks * count, seed });
    if (count > 0) this.network.merge(this.values); // B is zero: without prompts nothing has changed
  }

  /** What merging cannot remove: prompts stay tokens. */
  get notes(): string[] {
    const count = this.#promptTokens;
    if (count === 0) return [];
    const { config } = this.context.backbone;
    const tokens = tokensBeforePatches(config) + patchCount(config);
    const share = ((100 * count) / tokens).toFixed(1);
    const none = optionText("prompts", false);
    const { adaptLast } = this.#options;
    const all = `${optionText("adaptLast", adaptLast)}: prompt tokens join before the first block, so no block is computed once (with ${none} they are)`;
    return [
      `${count} prompt tokens beside ${tokens}: ${share} % more tokens in every forward pass (${none}: none)`,
      ...(adaptLast === undefined ? [] : [all]),
    ];
  }

  protected override get untrained(): boolean {
    return !this.#shared.trained;
  }

  protected get values(): Record<string, Tensor> {
    return this.#shared.parameters;
  }

  protected open(task: TaskData): Promise<OpenTask> {
    return this.untrained ? this.#openFirst(task) : this.#openLater(task);
  }

  /** The first task trains A, B, prompts and rows with C = I, and brings B A to orthonormal bases. */
  async #openFirst(task: TaskData): Promise<OpenTask> {
    const { firstBasesRate, rank } = this.#options;
    const before = await this.recipeFeatures(task);
    const direct = this.#direct(firstBasesRate);
    const training = new TaskTraining({ ...this.#training(task, before), direct });
    const fold = (): void => {
      this.#shared.foldFirst(training);
      task.report([ranksFigure(Object.fromEntries(this.#sites.map((site) => [site, rank])))]);
    };
    return { before, training, fold };
  }

  /** Every later task trains C + N diag(g) M P, prompts and rows, and the bases slowly. */
  async #openLater(task: TaskData): Promise<OpenTask> {
    const { basesRate, coreRate, protectionAlpha, probeImages } = this.#options;
    // 1. Features under the model so far, what the sites see of the task, and some images to look closer at.
    const excerpt = { size: probeImages, of: task.trainImages };
    const seen = await observePass(task.pass("features before"), this.network, this.values, excerpt);
    const boost = this.#boost(task, seen);
    const direct = this.#direct(basesRate * boost);
    // 2. and 3. Protection P from past inputs; rank prior and first M from where the task pulls the cores.
    const trained = gradientNames(Object.keys(direct), this.#shared.coreNames);
    const gradients = await probeGradients(this.network, this.#shared, seen, trained);
    const draws = { seed: this.context.seed, task: task.index };
    const { updates, figures } = startUpdates(this.#shared, seen, gradients, draws, {
      ...this.#options,
      coreRate: coreRate * boost,
      protectionAlpha: protectionAlpha * boost,
      rankFactor: boost,
    });
    task.report(figures);
    // 4. What the steps move.
    const training = new TaskTraining({
      ...this.#training(task, seen),
      direct,
      indirect: updates.parameters,
      derived: updates,
    });
    // 5. C += N diag(g) M P with the likeliest rank, past inputs into the new basis, prompts part of the way.
    const fold = (): void => {
      this.#shared.fold(training, updates, this.#options);
      task.report([ranksFigure(updates.ranks)]);
    };
    return { before: { features: seen.features, labels: seen.labels }, training, fold };
  }

  /** 1 + kappa times the task's need. */
  #boost(task: TaskData, seen: LabeledFeatures): number {
    const { plasticity } = this.#options;
    if (plasticity === 0) return 1;
    const need = taskNeed(seen, this.width);
    task.report([{ kind: "number", name: "need", value: need }]);
    return 1 + plasticity * need;
  }

  /** 6. Features under the new model: what heads keep moves from the old ones. What the sites see joins the past. */
  protected override async observe(task: TaskData): Promise<LabeledFeatures | undefined> {
    if (this.untrained) return undefined;
    const after = await observePass(task.pass("class statistics"), this.network, this.values);
    this.#shared.addMoments(after);
    const vector = momentFingerprint(after.moments, this.#options.rank);
    task.report([{ kind: "direction", name: INPUTS, vector }]);
    return { features: after.features, labels: after.labels };
  }

  #training(task: TaskData, before: LabeledFeatures | undefined) {
    const { headRate } = this.#options;
    const { network, rows, values: fixed } = this;
    const { optimization } = this.context;
    const rates = ["firstBasesRate", "basesRate", "coreRate", "promptRate", "headRate"];
    const recipe = this.recipeTraining(task, before);
    return { network, classes: task.classes, rows, headRate, fixed, optimization, rates, ...recipe };
  }

  /** Graph parameters that are trained as they are; the bases not at rate 0. */
  #direct(basesRate: number): Trained {
    const { bases, prompts } = this.#shared;
    return {
      ...(basesRate === 0 ? {} : atRate(basesRate, bases)),
      ...atRate(this.#options.promptRate, prompts),
    };
  }

  protected ownState(): Record<string, Tensor> {
    return this.#shared.tensors();
  }

  protected loadOwn(state: Tensors): void {
    this.#shared.load(state);
  }
}

const ranksFigure = (values: Readonly<Record<string, number>>): Figure => ({
  kind: "layers",
  name: RANK,
  values,
});
