/**
 * @file TUNA: adapters of a task's own, kept unlike those of past ones, and universal ones made of all. An image is classified
 * by the task's adapters that are surest of it, and by the universal ones.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import { type LinearClassifier, linearScores, unitRows } from "../../heads/linear-classifier.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { adapters, initialAdapters } from "../../network/adapters.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "../method.ts";
import { EnsembleLearner, ensembleTraits } from "../parts/ensemble-learner.ts";
import { OwnPrototypes } from "../parts/own-prototypes.ts";
import { atRate, TaskTraining } from "../parts/task-training.ts";
import { cosineRows, TrainedRows } from "../parts/trained-rows.ts";
import { around, logarithmic } from "../ranges.ts";
import { alignedCosines } from "./aligned-cosines.ts";
import { meanUnitRows, orthogonality } from "./orthogonality.ts";
import { universalAdapters } from "./universal.ts";

const options = z.object({
  size: z.number().int().positive().default(16).describe("width of the adapters' bottleneck (published: 16)"),
  factor: z
    .number()
    .positive()
    .default(0.1)
    .describe("what the adapters' output is multiplied by (published: 0.1)"),
  scale: z.number().positive().default(20).describe("scale of the classifier's cosines (published: 20)"),
  margin: z.number().min(0).default(0).describe("margin of the classifier's cosines (published: 0)"),
  orthogonality: z
    .number()
    .min(0)
    .default(1e-3)
    .describe("weight of how alike adapters of tasks are, times e^-(tasks so far + 1) (published: 1e-3)"),
  draws: z.number().int().positive().max(4096).default(64).describe("draws of each class an epoch"),
  alignEpochs: z
    .number()
    .int()
    .nonnegative()
    .default(30)
    .describe("epochs of the rows on draws (published: 30)"),
  alignRate: z.number().positive().default(1e-3).describe("learning rate of the rows on draws"),
  adapterRate: z.number().positive().default(1e-3).describe("learning rate of the adapters"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...ensembleTraits, forwardPasses: "tasks + 1" };

/** Task-specific and universal adapters. */
export const tuna = defineMethod({
  name: "tuna",
  summary:
    "adapters of a task's own and universal ones made of all; the surest of the former and the latter decide",
  source: "Wang et al., TUNA, ICCV 2025, arXiv 2508.08165",
  options,
  ranges: { adapterRate: around(1e-3), headRate: logarithmic(1e-3, 1e-1) },
  traits,
  defaults: { heads: ["rows"], drift: "none" },
  create: (context, values) => new Tuna(context, values),
});

class Tuna extends EnsembleLearner {
  readonly #context: MethodContext;
  readonly #options: Options;
  readonly #prototypes: OwnPrototypes;
  #rows: TrainedRows;
  #aligned: LinearClassifier | undefined;
  #universal: Tensors | undefined;
  /** Of the task in training: it has a term for likeness. */
  #own: AdaptedNetwork | undefined;

  constructor(context: MethodContext, options: Options) {
    super(new AdaptedNetwork(context, [adapters(context.backbone.config, options)]));
    this.#context = context;
    this.#options = options;
    this.#prototypes = new OwnPrototypes(this.network.width, { variances: true });
    this.#rows = new TrainedRows(this.network.width);
  }

  override get notes(): string[] {
    return [
      ...super.notes,
      "and one more through the adapters that are made of all, from the second task on",
    ];
  }

  /** From the second task on the universal adapters come last. */
  protected override get passes(): readonly Tensors[] {
    const own = super.passes;
    if (own.length < 2) return own;
    this.#universal ??= universalAdapters(own);
    return [...own, this.#universal];
  }

  /** Of the rows under the own adapters with the least entropy, the probabilities; and those under the universal ones. */
  readonly classify: OwnClassifier = (features, classCount) => {
    const { scale } = this.#options;
    this.#aligned ??= this.#fitted();
    const passes = this.passes.length;
    const d = this.network.width;
    const rows = cosineRows(this.#aligned, d, scale);
    const scores = linearScores(rows, unitRows(features, d), d, classCount);
    if (passes < 2) return scores;
    const result = new Float32Array(scores.length / passes);
    for (let image = 0; image < result.length / classCount; image++) {
      const all = Array.from({ length: passes }, (_, pass) => {
        const at = (image * passes + pass) * classCount;
        return softmaxOf(scores.subarray(at, at + classCount));
      });
      const surest = all.slice(0, -1).reduce((best, own) => (entropyOf(own) < entropyOf(best) ? own : best));
      for (let c = 0; c < classCount; c++)
        result[image * classCount + c] = Math.log(surest[c]! + all.at(-1)![c]!);
    }
    return result;
  };

  /** The rows as they were trained, after the first task; later refitted on draws. */
  #fitted(): LinearClassifier {
    const { alignEpochs, ...rest } = this.#options;
    const epochs = this.tasks < 2 ? 0 : alignEpochs;
    return alignedCosines(this.#rows.classifier(), this.#prototypes.all, { ...rest, alignEpochs: epochs });
  }

  protected fresh(task: number): Record<string, Tensor> {
    const { backbone, seed } = this.#context;
    return initialAdapters(backbone.config, this.#options, [seed, "adapters", task]);
  }

  protected open({ classes, index }: TaskData, fresh: Tensors): TaskTraining {
    const { adapterRate, headRate, scale, margin, size, orthogonality: weight } = this.#options;
    const { config } = this.#context.backbone;
    const past = this.trained;
    const unlike = orthogonality(config, size, past.length, weight * Math.exp(-(past.length + 1)));
    this.#own = new AdaptedNetwork(this.#context, [
      adapters(config, this.#options),
      ...(past.length === 0 || weight === 0 ? [] : [unlike]),
    ]);
    return new TaskTraining({
      network: this.#own,
      classes,
      rows: this.#rows,
      headRate,
      optimization: this.#context.optimization,
      fixed: past.length === 0 ? {} : meanUnitRows(config, size, past),
      direct: atRate(adapterRate, fresh),
      cosine: { rng: Rng.at(this.#context.seed, "rows", index), scale: { value: scale, margin } },
      rates: ["adapterRate", "headRate"],
    });
  }

  protected override fold(): void {
    this.#universal = undefined;
  }

  protected learn(seen: LabeledFeatures, tasks: number): void {
    // From the second task on the universal adapters' features are the last: those of the newest task come before.
    const passes = this.passes.length;
    const d = this.network.width;
    const own = new Float32Array((seen.features.length / passes) * tasks);
    for (let i = 0; i < seen.labels.length; i++)
      own.set(seen.features.subarray(i * passes * d, (i * passes + tasks) * d), i * tasks * d);
    this.#prototypes.add({ features: own, labels: seen.labels }, tasks);
  }

  protected override async release(): Promise<void> {
    const own = this.#own;
    this.#own = undefined;
    await own?.dispose();
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#rows.tensors("head."), ...this.#prototypes.tensors() };
  }

  protected loadOwn(state: Tensors): void {
    this.#rows = TrainedRows.from(state, "head.");
    this.#prototypes.load(state);
    this.#aligned = undefined;
    this.#universal = undefined;
  }
}

/** −∞ gives 0. */
function softmaxOf(scores: Float32Array): Float64Array {
  const highest = scores.reduce((a, b) => Math.max(a, b));
  const all = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const total = all.reduce((a, b) => a + b);
  return all.map((value) => value / total);
}

const entropyOf = (probabilities: Float64Array): number =>
  probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
