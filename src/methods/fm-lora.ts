/**
 * @file FM-LoRA: one shared low-rank subspace, a dynamic rank selector, dynamic meta-prompting. Only the abstract
 * of arXiv 2504.08823 is public; everything finer here is our reconstruction.
 */
import { z } from "zod";
import type { Batch } from "../data/dataset.ts";
import { patchCount, tokensBeforePatches } from "../nn/vit.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { matrix } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  defineMethod,
  type Images,
  type Learner,
  type MethodContext,
  type Scores,
  type StepPosition,
  type TaskData,
} from "./method.ts";
import { AdaptedVit } from "./parts/adapted-vit.ts";
import { linearScores } from "./parts/class-statistics.ts";
import type { CoreUpdate } from "./parts/core-update.ts";
import { featurePass, observePass, type PassResult } from "./parts/feature-pass.ts";
import { probeGradients } from "./parts/probe.ts";
import { DiscriminantReadout, statisticsOptions } from "./parts/readouts.ts";
import { SharedState } from "./parts/shared-state.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { startUpdates } from "./parts/start-updates.ts";
import { TaskHead } from "./parts/task-head.ts";
import { gradientNames, TaskTraining } from "./parts/task-training.ts";

const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of the shared subspace"),
  ...siteOptions,
  prompts: z.boolean().default(true).describe("dynamic meta-prompting"),
  promptTokens: z.number().int().positive().default(4).describe("prompt tokens shared by all tasks"),
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
  firstBasesRate: z.number().positive().default(1e-3).describe("learning rate of A and B in the first task"),
  basesRate: z.number().min(0).default(2e-4).describe("learning rate of A and B later; 0 freezes them"),
  coreRate: z.number().positive().default(5e-3).describe("learning rate of the core update (N, M)"),
  gateRate: z.number().positive().default(0.05).describe("learning rate of the rank gate"),
  promptRate: z.number().positive().default(1e-3).describe("learning rate of the prompts"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  probeImages: z.number().int().positive().default(128).describe("images the rank selector looks at"),
  pure: z.boolean().default(false).describe("keep no class statistics and classify with the trained rows"),
  ...statisticsOptions,
});
type Options = z.infer<typeof options>;

/** The method this project is named after. */
export const fmLora = defineMethod({
  name: "fm-lora",
  summary: "shared low-rank subspace, dynamic rank selector, dynamic meta-prompting (our reconstruction)",
  source: "Yu et al., FM-LoRA, CVPR Workshops 2025, arXiv 2504.08823; details ours",
  protocol: "continual",
  options,
  create: (context, values) => new FmLora(context, values),
});

class FmLora implements Learner {
  readonly readouts: readonly string[];
  readonly #context: MethodContext;
  readonly #options: Options;
  readonly #vit: AdaptedVit;
  readonly #lda: DiscriminantReadout;
  readonly #shared: SharedState;
  #head: TaskHead;
  #training: TaskTraining | undefined;
  #updates: CoreUpdate[] = [];
  #before: PassResult | undefined;

  constructor(context: MethodContext, values: Options) {
    const { backbone, seed } = context;
    const sites = adaptedSites(backbone.config, values.sites);
    this.readouts = values.pure ? ["head"] : ["lda", "head"];
    this.#context = context;
    this.#options = values;
    const promptTokens = values.prompts ? values.promptTokens : 0;
    this.#vit = new AdaptedVit(context, { sites, rank: values.rank, core: true, promptTokens });
    this.#lda = new DiscriminantReadout(this.#vit.width, values);
    this.#head = new TaskHead(this.#vit.width);
    this.#shared = SharedState.initial(backbone, { sites, rank: values.rank, promptTokens, seed });
    this.#vit.merge(this.#shared.parameters);
  }

  /** What merging cannot remove: prompts stay tokens. */
  get notes(): string[] {
    const { promptTokens } = this.#vit.adaptation;
    if (promptTokens === 0) return [];
    const { config } = this.#context.backbone;
    const tokens = tokensBeforePatches(config) + patchCount(config);
    const share = ((100 * promptTokens) / tokens).toFixed(1);
    return [
      `${promptTokens} prompt tokens beside ${tokens}: ${share} % more tokens in every forward pass (--no-prompts: none)`,
    ];
  }

  get untrained(): boolean {
    return !this.#shared.trained;
  }

  get trains(): boolean {
    return this.#training !== undefined;
  }

  get trainableParameters(): number {
    return this.#training?.size ?? 0;
  }

  async beginTask(task: TaskData): Promise<void> {
    this.#training = undefined;
    this.#before = undefined;
    this.#updates = [];
    if (task.classes.length < 2) return; // local cross-entropy over one class is constant: statistics only
    if (!this.#shared.trained) {
      if (!this.#lda.empty) this.#before = await this.#observe(task, "features before", 0);
      this.#training = this.#firstTraining(task);
      return;
    }
    this.#before = await this.#observe(task, "features before", this.#options.probeImages);
    const trained = gradientNames(Object.keys(this.#direct()), this.#coreNames());
    const gradients = await probeGradients(
      this.#vit,
      this.#shared,
      this.#before,
      trained,
      this.#options.shrinkage,
    );
    const { updates, values } = startUpdates(this.#shared, this.#before, gradients, this.#options);
    this.#updates = updates;
    task.report({ values });
    this.#training = this.#laterTraining(task);
  }

  /** Task 1: A, B, prompts and rows, with C = I. */
  #firstTraining(task: TaskData): TaskTraining {
    const { firstBasesRate } = this.#options;
    const { parameters } = this.#shared;
    const bases = this.#shared.baseNames.map((name) => [
      name,
      { start: parameters[name]!, rate: firstBasesRate },
    ]);
    return new TaskTraining(this.#vit, {
      classes: task.classes,
      head: this.#head,
      headRate: this.#options.headRate,
      fixed: parameters,
      direct: { ...Object.fromEntries(bases), ...this.#trainedPrompts() },
    });
  }

  /** Later tasks: N, M and gate of every site, prompts, rows, and the bases slowly. */
  #laterTraining(task: TaskData): TaskTraining {
    const sites = this.#vit.adaptation.sites;
    return new TaskTraining(this.#vit, {
      classes: task.classes,
      head: this.#head,
      headRate: this.#options.headRate,
      fixed: this.#shared.parameters,
      direct: this.#direct(),
      indirect: this.#updates.flatMap((update) => update.parameters),
      derived: {
        wanted: this.#coreNames(),
        feeds: ({ epoch, step, progress }) => {
          const temperature = 2 - 1.5 * progress; // 2 to 0.5
          const rng = Rng.at(this.#context.seed, "gate", task.index, epoch, step);
          return Object.fromEntries(
            sites.map((site, i) => [`${site}.core`, this.#updates[i]!.sample(temperature, rng)]),
          );
        },
        pullBack: (gradients) =>
          Object.assign(
            {},
            ...sites.map((site, i) => this.#updates[i]!.pullBack(gradients[`${site}.core`]!)),
          ),
      },
    });
  }

  /** Graph parameters that later tasks train as they are. */
  #direct(): Record<string, { start: Tensor; rate: number }> {
    const { basesRate } = this.#options;
    const { parameters, baseNames } = this.#shared;
    const bases = (basesRate === 0 ? [] : baseNames).map((name) => [
      name,
      { start: parameters[name]!, rate: basesRate },
    ]);
    return { ...Object.fromEntries(bases), ...this.#trainedPrompts() };
  }

  #coreNames(): string[] {
    return this.#vit.adaptation.sites.map((site) => `${site}.core`);
  }

  #trainedPrompts(): Record<string, { start: Tensor; rate: number }> {
    const prompts = this.#shared.parameters.prompts;
    return prompts === undefined ? {} : { prompts: { start: prompts, rate: this.#options.promptRate } };
  }

  trainStep(batch: Batch, position: StepPosition): Promise<number> {
    return this.#training!.step(batch, position);
  }

  async endTask(task: TaskData): Promise<void> {
    const training = this.#training;
    if (training !== undefined) {
      training.closeHead(this.#head);
      this.#shared.fold(training, this.#updates, this.#options);
      this.#vit.merge(this.#shared.parameters);
      task.report({ ranks: this.#ranks() });
    }
    const after = await this.#observe(task, "class statistics", 0);
    this.#shared.addMoments(after);
    if (this.#shared.trained) task.report({ fingerprint: fingerprint(after, this.#options.rank) });
    if (!this.#options.pure) this.#lda.update(after, this.#before);
    this.#training = undefined;
    this.#before = undefined;
    this.#updates = [];
  }

  #ranks(): Record<string, number> {
    const sites = this.#vit.adaptation.sites;
    return Object.fromEntries(sites.map((site, i) => [site, this.#updates[i]?.rank ?? this.#options.rank]));
  }

  async #observe(task: TaskData, phase: string, excerptSize: number): Promise<PassResult> {
    const excerpt = { size: excerptSize, of: task.trainImages };
    if (this.#shared.trained)
      return observePass(task.pass(phase), this.#vit, this.#shared.parameters, excerpt);
    const plain = await featurePass(task.pass(phase), this.#vit);
    return {
      ...plain,
      moments: {},
      tokens: {},
      excerpt: { images: new Uint8Array(), labels: new Int32Array(), count: 0 },
    };
  }

  async predict(images: Images, classCount: number): Promise<Scores> {
    const features = await this.#vit.features(images);
    const head = linearScores(this.#head.classifier(), features, this.#vit.width, classCount);
    return this.#options.pure ? { head } : { lda: this.#lda.scores(features, classCount), head };
  }

  async distances(images: Images): Promise<Float32Array | null> {
    return this.#lda.distances(await this.#vit.features(images));
  }

  state(): Record<string, Tensor> {
    return {
      ...this.#shared.tensors(),
      ...this.#head.tensors("head."),
      ...(this.#options.pure ? {} : this.#lda.tensors()),
    };
  }

  async load(state: Tensors): Promise<void> {
    this.#shared.load(state);
    this.#head = TaskHead.from(state, "head.");
    if (!this.#options.pure) this.#lda.load(state);
    this.#vit.merge(this.#shared.parameters);
  }

  trainingState(): Record<string, Tensor> {
    return this.#training?.state() ?? {};
  }

  loadTraining(state: Tensors): void {
    this.#training?.load(state);
  }

  dispose(): Promise<void> {
    return this.#vit.dispose();
  }
}

/** The task's mean h hᵀ at every site, as one unit vector: for the report only, never in the model. */
function fingerprint({ moments }: PassResult, rank: number): number[] {
  const parts = Object.values(moments).flatMap((moment) => {
    const norm = matrix(rank, rank, moment).norm("frobenius") || 1;
    return Array.from(moment, (value) => value / norm / Math.sqrt(Object.keys(moments).length));
  });
  return parts.map((value) => Number(value.toFixed(4)));
}
