/**
 * @file EASE: adapters of a task's own beside the MLPs, frozen afterwards. An image is seen through the adapters of all tasks;
 * classes are told apart by prototypes under each of them.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { adapters, initialAdapters } from "../../network/adapters.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "../method.ts";
import { EnsembleLearner, ensembleTraits } from "../parts/ensemble-learner.ts";
import { atRate, TaskTraining } from "../parts/task-training.ts";
import { TrainedRows } from "../parts/trained-rows.ts";
import { around, logarithmic } from "../ranges.ts";
import { TaskPrototypes } from "./prototypes.ts";

const options = z.object({
  size: z.number().int().positive().default(64).describe("width of the adapters' bottleneck"),
  factor: z.number().positive().default(0.1).describe("what the adapters' output is multiplied by"),
  alpha: z.number().min(0).default(0.1).describe("weight of the adapters of other tasks in a class's score"),
  adapterRate: z.number().positive().default(1e-3).describe("learning rate of the adapters"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the rows that train them"),
  scaleRate: z.number().positive().default(0.05).describe("learning rate of the scale of their cosines"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...ensembleTraits, grows: ["classes", "tasks", "classes by tasks"] };

/** Expandable subspace ensemble. */
export const ease = defineMethod({
  name: "ease",
  summary: "adapters of a task's own, frozen; classes are told apart by prototypes under all of them",
  source: "Zhou et al., EASE, CVPR 2024, arXiv 2403.12030",
  options,
  ranges: { adapterRate: around(1e-3), headRate: around(5e-3), alpha: logarithmic(0.02, 0.5) },
  traits,
  defaults: { heads: ["rows"], drift: "none" },
  create: (context, values) => new Ease(context, values),
});

class Ease extends EnsembleLearner {
  readonly #context: MethodContext;
  readonly #options: Options;
  readonly #prototypes: TaskPrototypes;

  constructor(context: MethodContext, options: Options) {
    super(new AdaptedNetwork(context, [adapters(context.backbone.config, options)]));
    this.#context = context;
    this.#options = options;
    this.#prototypes = new TaskPrototypes(this.network.width);
  }

  readonly classify: OwnClassifier = (features, classCount) =>
    this.#prototypes.scores(features, this.passes.length, classCount, this.#options.alpha);

  protected fresh(task: number): Record<string, Tensor> {
    const { backbone, seed } = this.#context;
    return initialAdapters(backbone.config, this.#options, [seed, "adapters", task]);
  }

  protected open({ classes, index }: TaskData, fresh: Tensors): TaskTraining {
    const { adapterRate, headRate, scaleRate } = this.#options;
    return new TaskTraining({
      network: this.network,
      classes,
      rows: new TrainedRows(this.network.width), // thrown away after the task
      headRate,
      optimization: this.#context.optimization,
      fixed: {},
      direct: atRate(adapterRate, fresh),
      cosine: { rng: Rng.at(this.#context.seed, "rows", index), scale: { rate: scaleRate } },
      rates: ["adapterRate", "headRate", "scaleRate"],
    });
  }

  protected learn(seen: LabeledFeatures, tasks: number): void {
    this.#prototypes.add(seen, tasks);
  }

  protected ownState(): Record<string, Tensor> {
    return this.#prototypes.tensors(this.tasks);
  }

  protected loadOwn(state: Tensors): void {
    this.#prototypes.load(state);
  }
}
