/**
 * @file CL-LoRA: low-rank updates of the first half of the blocks that all tasks share and go on training, and of the second
 * half a task's own, with a learned weight a layer. Classes are told apart by prototypes under their own task's updates.
 */
import { QrDecomposition } from "ml-matrix";
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { lowRank } from "../../network/low-rank.ts";
import { taskLowRank } from "../../network/task-low-rank.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { InputError } from "../../tensor/errors.ts";
import { flatten32, matrix } from "../../tensor/linear-algebra.ts";
import { Rng } from "../../tensor/rng.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "../method.ts";
import { EnsembleLearner, ensembleTraits } from "../parts/ensemble-learner.ts";
import { initialBases } from "../parts/low-rank-bases.ts";
import { OwnPrototypes } from "../parts/own-prototypes.ts";
import { atRate, type TaskTraining } from "../parts/task-training.ts";
import { TrainedRows } from "../parts/trained-rows.ts";
import { around, logarithmic } from "../ranges.ts";
import { earlyNetwork } from "./distillation.ts";
import { SharedTraining } from "./training.ts";

const options = z.object({
  rank: z.number().int().positive().default(10).describe("rank of each update"),
  distillation: z
    .number()
    .min(0)
    .default(5)
    .describe("weight of what the shared blocks gave before the task, as a teacher (published: 5)"),
  temperature: z.number().positive().default(2).describe("temperature of that teacher (published: 2)"),
  attachedTeacher: z
    .boolean()
    .default(false)
    .describe("as the published code does: the teacher's answers move the classifier, too"),
  orthogonality: z
    .number()
    .min(0)
    .default(1e-4)
    .describe("weight of how alike the block weights of tasks are (published: 1e-4)"),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of the updates"),
  weightRate: z.number().positive().default(1e-3).describe("learning rate of the block weights"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the rows that train them"),
  scaleRate: z.number().positive().default(0.05).describe("learning rate of the scale of their cosines"),
});
type Options = z.infer<typeof options>;

/** Continual low-rank adaptation. */
export const clLora = defineMethod({
  name: "cl-lora",
  summary: "low-rank updates shared by all tasks in the first blocks, a task's own in the others; prototypes",
  source: "He et al., CL-LoRA, CVPR 2025, arXiv 2505.24816",
  options,
  ranges: { basesRate: around(5e-4), headRate: around(5e-3), distillation: logarithmic(0.5, 10) },
  traits: ensembleTraits,
  defaults: { heads: ["rows"], drift: "none" },
  create: (context, values) => new ClLora(context, values),
});

/** Without what merges it: every task has other values. */
const unmerged = ({ name, hooks }: Adaptation): Adaptation => ({ name, hooks });

/** Queries and values of blocks `from` to `to`. */
const sitesOf = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => [
    `blocks.${from + i}.query`,
    `blocks.${from + i}.value`,
  ]).flat();

class ClLora extends EnsembleLearner {
  readonly #context: MethodContext;
  readonly #options: Options;
  /** Layers whose updates tasks share, and those where each has its own. */
  readonly #shared: readonly string[];
  readonly #own: readonly string[];
  readonly #early: AdaptedNetwork;
  readonly #prototypes: OwnPrototypes;
  /** D, which stay, and U of the shared layers. */
  #sharedValues: Record<string, Tensor>;
  /** With a task's own values: the same objects while nothing changes, as features are remembered by them. */
  #together = new WeakMap<Tensors, Tensors>();

  constructor(context: MethodContext, options: Options) {
    const { backbone, seed } = context;
    const { layers } = backbone.config;
    if (layers < 2) throw new InputError(`cl-lora: the backbone has ${layers} block; it needs two or more`);
    const { rank } = options;
    const middle = Math.floor(layers / 2);
    const [shared, own] = [sitesOf(0, middle), sitesOf(middle, layers)];
    const sharing = unmerged(lowRank(backbone, { sites: shared, rank }));
    const each = unmerged(
      taskLowRank(backbone, { sites: own, rank, past: () => 0, scalesOf: (site) => site }),
    );
    super(new AdaptedNetwork(context, [sharing, each]));
    this.#context = context;
    this.#options = options;
    this.#shared = shared;
    this.#own = own;
    this.#early = earlyNetwork(context, middle, [sharing]);
    this.#prototypes = new OwnPrototypes(this.network.width);
    this.#sharedValues = Object.assign({}, ...shared.map((site) => this.#sharedStart(site, seed)));
  }

  readonly classify: OwnClassifier = (features, classCount) =>
    this.#prototypes.scores(features, this.passes.length, classCount);

  /** D with orthonormal rows, drawn once; U zero. */
  #sharedStart(site: string, seed: number): Record<string, Tensor> {
    const { rank } = this.#options;
    const [out, width] = this.#context.backbone.weights[`${site}.weight`]!.dims as [number, number];
    const rng = Rng.at(seed, "shared", site);
    const drawn = matrix(
      width,
      rank,
      Float64Array.from({ length: width * rank }, () => rng.normal()),
    );
    const rows = new QrDecomposition(drawn).orthogonalMatrix.transpose();
    return {
      [`${site}.a`]: tensor("float32", [rank, width], flatten32(rows)),
      [`${site}.b`]: zeroTensor([out, rank]),
    };
  }

  protected override get passes(): readonly Tensors[] {
    return super.passes.map((own) => {
      const both = this.#together.get(own) ?? { ...this.#sharedValues, ...own };
      this.#together.set(own, both);
      return both;
    });
  }

  /** A drawn, B zero, and the weight of each layer, uniform in 0.5 to 1.5. */
  protected fresh(task: number): Record<string, Tensor> {
    const { backbone, seed } = this.#context;
    const weights = this.#own.map((site) => {
      const weight = 0.5 + Rng.at(seed, "block weight", task, site).uniform();
      return [`${site}.scales`, tensor("float32", [1], Float32Array.of(weight))] as const;
    });
    return {
      ...initialBases(backbone, this.#own, this.#options.rank, `${seed}/${task}`),
      ...Object.fromEntries(weights),
    };
  }

  protected open({ classes, index }: TaskData, fresh: Tensors): TaskTraining {
    const { basesRate, weightRate, headRate, scaleRate, ...rest } = this.#options;
    const weights = this.#own.map((site) => `${site}.scales`);
    const lifts = this.#shared.map((site) => `${site}.b`);
    const picked = (names: readonly string[], of: Tensors): Tensors =>
      Object.fromEntries(names.map((name) => [name, of[name]!]));
    const pairs = Object.keys(fresh).filter((name) => !weights.includes(name));
    return new SharedTraining(
      {
        network: this.network,
        classes,
        rows: new TrainedRows(this.network.width), // thrown away after the task
        headRate,
        optimization: this.#context.optimization,
        fixed: this.#sharedValues,
        direct: {
          ...atRate(basesRate, { ...picked(pairs, fresh), ...picked(lifts, this.#sharedValues) }),
          ...atRate(weightRate, picked(weights, fresh)),
        },
        cosine: { rng: Rng.at(this.#context.seed, "rows", index), scale: { rate: scaleRate } },
        rates: ["basesRate", "weightRate", "headRate", "scaleRate"],
      },
      {
        early: this.#early,
        before: this.#sharedValues,
        shared: lifts,
        weights,
        past: this.trained.map((own) => weights.map((name) => float32Data(own[name]!)[0]!)),
        distillation: rest.distillation,
        temperature: rest.temperature,
        attached: rest.attachedTeacher,
        orthogonality: rest.orthogonality,
      },
    );
  }

  protected override fold(training: TaskTraining): void {
    const lifts = this.#shared.map((site) => [`${site}.b`, training.value(`${site}.b`)] as const);
    this.#sharedValues = { ...this.#sharedValues, ...Object.fromEntries(lifts) };
    this.#together = new WeakMap();
  }

  protected learn(seen: LabeledFeatures, tasks: number): void {
    this.#prototypes.add(seen, tasks);
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#sharedValues, ...this.#prototypes.tensors() };
  }

  protected loadOwn(state: Tensors): void {
    this.#sharedValues = Object.fromEntries(
      Object.keys(this.#sharedValues).map((name) => [name, state[name]!]),
    );
    this.#together = new WeakMap();
    this.#prototypes.load(state);
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#early.dispose();
  }
}
