/** @file Classifiers on the untouched backbone: nearest class mean (SimpleCIL) and frozen LDA. */
import { z } from "zod";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  defineMethod,
  type Images,
  type Learner,
  type MethodContext,
  type Scores,
  type TaskData,
} from "./method.ts";
import { AdaptedVit } from "./parts/adapted-vit.ts";
import { ClassStatistics, type LinearClassifier, linearScores, unitRows } from "./parts/class-statistics.ts";
import { Discriminant } from "./parts/discriminant.ts";
import { featurePass } from "./parts/feature-pass.ts";

const options = z.object({
  shrinkage: z.number().positive().default(0.1).describe("ridge of the LDA covariance, in mean diagonals"),
});

/** Nearest class mean by cosine; `lda` is its second readout. */
export const ncm = defineMethod({
  name: "ncm",
  summary: "nearest class mean of frozen features (SimpleCIL), no training",
  source: "Zhou et al., SimpleCIL, IJCV 2024, arXiv 2303.07338",
  protocol: "continual",
  options,
  create: (context, { shrinkage }) => new FrozenFeatures(context, shrinkage, ["ncm", "lda"]),
});

/** Linear discriminant analysis of frozen features. */
export const lda = defineMethod({
  name: "lda",
  summary: "linear discriminant analysis of frozen features, no training",
  source: "Fisher 1936; shared covariance with ridge shrinkage",
  protocol: "continual",
  options,
  create: (context, { shrinkage }) => new FrozenFeatures(context, shrinkage, ["lda", "ncm"]),
});

class FrozenFeatures implements Learner {
  readonly readouts: readonly string[];
  readonly trains = false;
  readonly untrained = true;
  readonly trainableParameters = 0;
  readonly #shrinkage: number;
  readonly #vit: AdaptedVit;
  #statistics: ClassStatistics;
  #prototypes: LinearClassifier;
  #discriminant: Discriminant;

  constructor(context: MethodContext, shrinkage: number, readouts: readonly string[]) {
    this.readouts = readouts;
    this.#shrinkage = shrinkage;
    this.#vit = new AdaptedVit(context, { sites: [], rank: 0, core: false, promptTokens: 0 });
    this.#statistics = new ClassStatistics(this.#vit.width);
    this.#prototypes = this.#statistics.prototypes();
    this.#discriminant = new Discriminant(this.#statistics, shrinkage);
  }

  async beginTask(): Promise<void> {}

  trainStep(): Promise<number> {
    throw new Error("frozen features have nothing to train");
  }

  async endTask(task: TaskData): Promise<void> {
    this.#statistics.add(await featurePass(task.pass("class statistics"), this.#vit), {
      betweenScatter: false,
    });
    await this.load(this.state()); // continue from what is saved: a resumed run must compute the same
  }

  async predict(images: Images, classCount: number): Promise<Scores> {
    const features = await this.#vit.features(images);
    const width = this.#vit.width;
    return {
      ncm: linearScores(this.#prototypes, unitRows(features, width), width, classCount),
      lda: this.#discriminant.scores(features, classCount),
    };
  }

  async distances(images: Images): Promise<Float32Array | null> {
    return this.#discriminant.distances(await this.#vit.features(images));
  }

  state(): Record<string, Tensor> {
    return this.#statistics.tensors("statistics.");
  }

  async load(state: Tensors): Promise<void> {
    this.#statistics = ClassStatistics.from(state, "statistics.");
    this.#prototypes = this.#statistics.prototypes();
    this.#discriminant = new Discriminant(this.#statistics, this.#shrinkage);
  }

  trainingState(): Record<string, Tensor> {
    return {};
  }

  loadTraining(): void {}

  dispose(): Promise<void> {
    return this.#vit.dispose();
  }
}
