/** @file One learner's passes over images: which batches there are, and what the model says about them. */
import { AUGMENTATIONS, drawPass } from "../data/augmentation.ts";
import type { Batch, LabeledFeatures, Sample } from "../data/dataset.ts";
import { batches } from "../data/loader.ts";
import type { TaskData } from "../methods/method.ts";
import { featurePass } from "../network/feature-pass.ts";
import { InputError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { epochSteps, learnTask } from "../train/learn-task.ts";
import type { ImageSet } from "./images.ts";
import type { LearnerParts } from "./parts.ts";

/** Images decoded ahead of the network. */
const PREFETCH = 64;
/** Images of a batch where nothing is trained. */
const PASS_BATCH = 64;
/** Images of an optimizer step. */
const TRAINING_BATCH = 32;

/** What a learner is doing. */
export interface LearnerProgress {
  readonly phase: "reading" | "looking" | "training" | "checking" | "classifying";
  /** Images, of all that this phase takes. */
  readonly done: number;
  readonly total: number;
  /** Of the last training step. */
  readonly loss?: number;
}

/** Who hears of it, and who stops it. */
export interface Listening {
  readonly onProgress?: ((progress: LearnerProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Images and what is done with them. */
export class Session {
  readonly #parts: LearnerParts;
  readonly #images: ImageSet;
  readonly #classCount: number;
  readonly #listening: Listening;

  constructor(parts: LearnerParts, images: ImageSet, classCount: number, listening: Listening) {
    this.#parts = parts;
    this.#images = images;
    this.#classCount = classCount;
    this.#listening = listening;
  }

  /** Some images in order, as test images are prepared; `phase` is told of. */
  async *pass(samples: readonly Sample[], phase: LearnerProgress["phase"]): AsyncGenerator<Batch, void> {
    let done = 0;
    for await (const batch of this.#batches(samples, {})) {
      yield batch;
      done += batch.count;
      this.#listening.onProgress?.({ phase, done, total: samples.length });
    }
  }

  /** Features under the model as it is. */
  features(samples: readonly Sample[], phase: LearnerProgress["phase"]): Promise<LabeledFeatures> {
    const { learner } = this.#parts.model;
    return featurePass(this.pass(samples, phase), (images) => learner.features(images));
  }

  /** Trains the model on a task. @param index of the task, for what it draws */
  async train(
    samples: readonly Sample[],
    {
      index,
      epochs,
      report,
    }: { readonly index: number; readonly epochs: number; readonly report: TaskData["report"] },
  ): Promise<void> {
    const { model, context } = this.#parts;
    const data: TaskData = {
      index,
      classes: [...new Set(samples.map(({ label }) => label))].sort((a, b) => a - b),
      trainImages: samples.length,
      pass: () => this.pass(samples, "looking"),
      report,
    };
    await learnTask({
      model,
      data,
      train: async (training) => {
        if (training === undefined) return;
        const steps = Math.ceil(samples.length / TRAINING_BATCH);
        const total = samples.length * epochs;
        let done = 0;
        for (let epoch = 0; epoch < epochs; epoch++) {
          const rng = Rng.at(context.seed, "task", index, "epoch", epoch);
          const drawn = drawPass(rng, samples.length, AUGMENTATIONS.flip);
          const own = this.#batches(samples, { ...drawn, batchSize: TRAINING_BATCH });
          for await (const { images, loss } of epochSteps(training, { epoch, epochs, steps }, own)) {
            done += images;
            this.#listening.onProgress?.({ phase: "training", done, total, loss });
          }
        }
      },
    });
  }

  /** Scores of the head that answers, and distances where it can tell. [n, classes], [n] */
  scores(features: Float32Array): { readonly scores: Float32Array; readonly distances: Float32Array | null } {
    const { heads } = this.#parts.model;
    const [name] = heads.names;
    return {
      scores: heads.scores(features, this.#classCount, [name!])[name!]!,
      distances: heads.distances(features),
    };
  }

  #batches(
    samples: readonly Sample[],
    how: {
      readonly batchSize?: number;
      readonly order?: readonly number[];
      readonly views?: ReturnType<typeof drawPass>["views"];
    },
  ) {
    const { platform, context } = this.#parts;
    return batches({
      dataset: this.#images,
      samples,
      position: Array.from({ length: this.#classCount }, (_, position) => position),
      transform: platform.transform,
      preprocessing: context.backbone.preprocessing,
      prefetch: PREFETCH,
      signal: this.#listening.signal,
      onUnreadable: "fail",
      batchSize: PASS_BATCH,
      ...how,
    });
  }
}

/** @throws InputError in one line, naming the option */
export function checkShare(name: string, value: number, most: number): number {
  if (value >= 0 && value <= most) return value;
  throw new InputError(`\`${name}: ${value}\`: expected a number from 0 to ${most}`);
}
