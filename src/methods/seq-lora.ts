/** @file Sequential LoRA: the lower bound, and with all tasks at once the upper bound. */
import { z } from "zod";
import type { Batch } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
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
import { type LabelledFeatures, linearScores } from "./parts/class-statistics.ts";
import { featurePass } from "./parts/feature-pass.ts";
import { DiscriminantReadout, statisticsOptions } from "./parts/readouts.ts";
import { initialBases } from "./parts/shared-state.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { TaskHead } from "./parts/task-head.ts";
import { TaskTraining } from "./parts/task-training.ts";

const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of each update"),
  ...siteOptions,
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  ...statisticsOptions,
});
type Options = z.infer<typeof options>;

/** One LoRA pair per site, trained on every task in turn without protection: forgets. */
export const seqLora = defineMethod({
  name: "seq-lora",
  summary: "one LoRA pair trained on every task in turn, no protection (lower bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685; sequential use as in baseline studies",
  protocol: "continual",
  options,
  create: (context, values) => new SequentialLora(context, values, ["head", "lda"]),
});

/** The same adapter trained on all tasks' images at once. */
export const joint = defineMethod({
  name: "joint",
  summary: "one LoRA pair trained on all tasks at once (upper bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685",
  protocol: "joint",
  options,
  create: (context, values) => new SequentialLora(context, values, ["head", "lda"]),
});

class SequentialLora implements Learner {
  readonly readouts: readonly string[];
  readonly #options: Options;
  readonly #vit: AdaptedVit;
  readonly #lda: DiscriminantReadout;
  #pairs: Record<string, Tensor>;
  #head: TaskHead;
  #training: TaskTraining | undefined;
  #before: LabelledFeatures | undefined;

  constructor(context: MethodContext, values: Options, readouts: readonly string[]) {
    const { backbone, seed } = context;
    this.readouts = readouts;
    this.#options = values;
    const sites = adaptedSites(backbone.config, values.sites);
    this.#vit = new AdaptedVit(context, { sites, rank: values.rank, core: false, promptTokens: 0 });
    this.#lda = new DiscriminantReadout(this.#vit.width, values);
    this.#head = new TaskHead(this.#vit.width);
    this.#pairs = initialBases(backbone, sites, values.rank, seed);
  }

  get untrained(): boolean {
    return this.#head.empty;
  }

  get trains(): boolean {
    return this.#training !== undefined;
  }

  get trainableParameters(): number {
    return this.#training?.size ?? 0;
  }

  async beginTask(task: TaskData): Promise<void> {
    this.#before = undefined;
    this.#training = undefined;
    if (task.classes.length < 2) return; // local cross-entropy over one class is constant
    if (!this.#lda.empty) this.#before = await featurePass(task.pass("features before"), this.#vit);
    const { basesRate, headRate } = this.#options;
    this.#training = new TaskTraining(this.#vit, {
      classes: task.classes,
      head: this.#head,
      headRate,
      fixed: {},
      direct: Object.fromEntries(
        Object.entries(this.#pairs).map(([name, start]) => [name, { start, rate: basesRate }]),
      ),
    });
  }

  trainStep(batch: Batch, position: StepPosition): Promise<number> {
    return this.#training!.step(batch, position);
  }

  async endTask(task: TaskData): Promise<void> {
    const training = this.#training;
    if (training !== undefined) {
      for (const name of Object.keys(this.#pairs)) this.#pairs[name] = training.value(name);
      training.closeHead(this.#head);
      this.#vit.merge(this.#pairs);
    }
    this.#lda.update(await featurePass(task.pass("class statistics"), this.#vit), this.#before);
    this.#before = undefined;
    this.#training = undefined;
  }

  async predict(images: Images, classCount: number): Promise<Scores> {
    const features = await this.#vit.features(images);
    return {
      head: linearScores(this.#head.classifier(), features, this.#vit.width, classCount),
      lda: this.#lda.scores(features, classCount),
    };
  }

  async distances(images: Images): Promise<Float32Array | null> {
    return this.#lda.distances(await this.#vit.features(images));
  }

  state(): Record<string, Tensor> {
    return { ...this.#pairs, ...this.#head.tensors("head."), ...this.#lda.tensors() };
  }

  async load(state: Tensors): Promise<void> {
    for (const name of Object.keys(this.#pairs)) this.#pairs[name] = state[name]!;
    this.#head = TaskHead.from(state, "head.");
    this.#lda.load(state);
    this.#vit.merge(this.#pairs);
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
