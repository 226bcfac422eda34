/** @file The untouched backbone, with a head that needs no training: nearest class mean (SimpleCIL) and frozen LDA. */
import * as z from "zod";
import type { Images } from "../data/dataset.ts";
import { AdaptedNetwork } from "../network/adapted-network.ts";
import type { ServedNetwork } from "../network/served-network.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineMethod, type Learner, type MethodContext, type TaskBeginning, type Traits } from "./method.ts";

const traits: Traits = {
  protocol: "continual",
  grows: ["classes"],
  trains: "never",
  trained: "nothing",
  heads: "any",
  ownClassifier: false,
  precisions: ["float32", "int8"],
  forwardPasses: 1,
};

/** Nearest class mean by cosine. */
export const ncm = defineMethod({
  name: "ncm",
  summary: "nearest class mean of frozen features (SimpleCIL), no training",
  source: "Zhou et al., SimpleCIL, IJCV 2024, arXiv 2303.07338",
  options: z.object({}),
  traits,
  defaults: { heads: ["ncm", "lda"], drift: "none" },
  create: (context) => new FrozenFeatures(context),
});

/** Linear discriminant analysis of frozen features. */
export const lda = defineMethod({
  name: "lda",
  summary: "linear discriminant analysis of frozen features, no training",
  source: "Fisher 1936; shared covariance with ridge shrinkage",
  options: z.object({}),
  traits,
  defaults: { heads: ["lda", "ncm", "gaussian"], drift: "none" },
  create: (context) => new FrozenFeatures(context),
});

/** Learns nothing: its heads do. */
class FrozenFeatures implements Learner {
  readonly #network: AdaptedNetwork;

  constructor(context: MethodContext) {
    this.#network = new AdaptedNetwork(context);
  }

  get width(): number {
    return this.#network.width;
  }

  plan(): "none" {
    return "none";
  }

  async begin(): Promise<TaskBeginning> {
    return {};
  }

  async end(): Promise<undefined> {}

  features(images: Images): Promise<Float32Array> {
    return this.#network.features(images);
  }

  served(): ServedNetwork {
    return this.#network.served({});
  }

  state(): Record<string, Tensor> {
    return {};
  }

  async load(): Promise<void> {}

  dispose(): Promise<void> {
    return this.#network.dispose();
  }
}
