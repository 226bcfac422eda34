/** @file A model: a network that learns, and the heads that classify its features. */
import type { Images, LabeledFeatures } from "../data/dataset.ts";
import { HeadSet, type Moved, type Scores, type Temperatures } from "../heads/head-set.ts";
import type { AnyDrift, AnyHead } from "../heads/index.ts";
import type { AnyMethod, Learner, MethodContext } from "../methods/method.ts";
import type { Activations } from "../network/activations.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a model is made of: a choice that has been checked (`chosenHeads`, `method.options`). */
export interface ModelChoice {
  readonly method: AnyMethod;
  /** Values of `method.options`. */
  readonly methodOptions: Readonly<Record<string, unknown>>;
  /** The first is the model's own choice. */
  readonly heads: readonly AnyHead[];
  readonly drift: AnyDrift;
  /** Values of `headSetOptions(heads, drift)`. */
  readonly headOptions: Readonly<Record<string, unknown>>;
}

/** What a model says about images, from one forward pass. */
export interface Answer {
  /** By head. [count, classes], −∞ for classes not seen */
  readonly scores: Scores;
  /**
   * How far each image is from every known class: squared Mahalanobis distance per feature dimension, about 1 or less
   * for known classes; null where no head can tell. [count]
   */
  readonly distances: Float32Array | null;
}

/** A learner with its heads. */
export class ContinualModel {
  readonly learner: Learner;
  readonly heads: HeadSet;
  /** Of its networks, while a task is learned. */
  readonly activations: Activations | undefined;

  constructor(context: MethodContext, { method, methodOptions, heads, drift, headOptions }: ModelChoice) {
    this.learner = method.create(context, methodOptions as never);
    this.activations = context.activations;
    const { width, classify } = this.learner;
    this.heads = new HeadSet({ width, heads, drift, options: headOptions, own: classify });
  }

  /** What a user should know about this model, a sentence each. */
  get notes(): string[] {
    const left = this.heads.left.map(
      (name) => `head ${name} cannot follow features that move: what it keeps stays where it was`,
    );
    return [...(this.learner.notes ?? []), ...left];
  }

  /** Takes in a task's features, and moves what is known of others. `before`, `views`: see `HeadSet.update`. */
  update(after: LabeledFeatures, before: LabeledFeatures | undefined, views: readonly Moved[] = []): void {
    this.heads.update(after, before, views);
  }

  /** Work on other images than those of a task that is being learned: nobody comes back to them, and nothing of them is kept. */
  async aside<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.activations?.aside(work) ?? work();
  }

  /** Scores of all heads, from one pass. */
  async scores(images: Images, classCount: number): Promise<Scores> {
    return this.heads.scores(await this.learner.features(images), classCount);
  }

  /** Scores of one head and distances, from one pass. */
  async answer(images: Images, classCount: number, head: string): Promise<Answer> {
    const features = await this.learner.features(images);
    return {
      scores: this.heads.scores(features, classCount, [head]),
      distances: this.heads.distances(features),
    };
  }

  /** All that is kept between tasks: what model/ holds. Unchanged while a task trains. */
  state(): Record<string, Tensor> {
    return { ...this.learner.state(), ...this.heads.tensors() };
  }

  /** Goes on from a state. `temperatures` are those of its heads, if they are at hand. */
  async load(state: Tensors, temperatures?: Temperatures): Promise<void> {
    await this.learner.load(state);
    this.heads.load(state, temperatures);
  }

  dispose(): Promise<void> {
    return this.learner.dispose();
  }
}
