/** @file Classifiers on the untouched backbone: nearest class mean (SimpleCIL) and frozen LDA. */
import { z } from "zod";
import type { Images } from "../data/dataset.ts";
import { frozenStatisticsOptions, StatisticsReadout } from "../heads/readouts.ts";
import { AdaptedVit } from "../network/adapted-vit.ts";
import { featurePass } from "../network/feature-pass.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineMethod, type Learner, type MethodContext, type Scores, type TaskData } from "./method.ts";

const options = z.object(frozenStatisticsOptions);
type Options = z.infer<typeof options>;

/** Nearest class mean by cosine; `lda` is its second readout. */
export const ncm = defineMethod({
  name: "ncm",
  summary: "nearest class mean of frozen features (SimpleCIL), no training",
  source: "Zhou et al., SimpleCIL, IJCV 2024, arXiv 2303.07338",
  protocol: "continual",
  options,
  create: (context, values) => new FrozenFeatures(context, values, ["ncm", "lda"]),
});

/** Linear discriminant analysis of frozen features. */
export const lda = defineMethod({
  name: "lda",
  summary: "linear discriminant analysis of frozen features, no training",
  source: "Fisher 1936; shared covariance with ridge shrinkage",
  protocol: "continual",
  options,
  create: (context, values) => new FrozenFeatures(context, values, ["lda", "ncm"]),
});

class FrozenFeatures implements Learner {
  readonly readouts: readonly string[];
  readonly untrained = true;
  readonly trainableParameters = 0;
  readonly #vit: AdaptedVit;
  readonly #statistics: StatisticsReadout;

  constructor(context: MethodContext, values: Options, readouts: readonly string[]) {
    this.readouts = readouts;
    this.#vit = new AdaptedVit(context, { sites: [], rank: 0, core: false, promptTokens: 0 });
    const nothingDrifts = { driftCompensation: false, driftRidge: 1 };
    this.#statistics = new StatisticsReadout(this.#vit.width, { ...values, ...nothingDrifts });
  }

  trains(): boolean {
    return false;
  }

  async beginTask(): Promise<void> {}

  trainStep(): Promise<number> {
    throw new Error("frozen features have nothing to train");
  }

  async endTask(task: TaskData): Promise<void> {
    this.#statistics.update(await featurePass(task.pass("class statistics"), this.#vit), undefined);
  }

  async predict(images: Images, classCount: number): Promise<Scores> {
    const features = await this.#vit.features(images);
    return {
      ncm: this.#statistics.ncm(features, classCount),
      lda: this.#statistics.lda(features, classCount),
    };
  }

  async distances(images: Images): Promise<Float32Array | null> {
    return this.#statistics.distances(await this.#vit.features(images));
  }

  state(): Record<string, Tensor> {
    return this.#statistics.tensors();
  }

  async load(state: Tensors): Promise<void> {
    this.#statistics.load(state);
  }

  trainingState(): Record<string, Tensor> {
    return {};
  }

  loadTraining(): void {}

  dispose(): Promise<void> {
    return this.#vit.dispose();
  }
}
