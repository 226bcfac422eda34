/** @file A learner for products: learns classes from images, answers, forgets nothing by itself, and can be saved. */
import type { Sample } from "../data/dataset.ts";
import { suggestion } from "../run/names.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { decodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { adapterTensors } from "./adapter.ts";
import { answerOf, keyOf, type Prediction } from "./answers.ts";
import type { LabeledImages } from "./examples.ts";
import { imageSet, type LearnerImage, type PlacedImage } from "./images.ts";
import { infoOf, type LearnerInfo } from "./info.ts";
import { type LearnOptions, type LearnRequest, type LearnResult, learnOnce } from "./learn.ts";
import { livePositions, type Memory, memoryOf, positionOf } from "./memory.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import type { LearnerParts } from "./parts.ts";
import { withoutClass } from "./removal.ts";
import { type Listening, Session } from "./session.ts";

/** How to answer. */
export interface PredictOptions extends Listening {
  /** Classes of an answer, the likeliest first; default: all. */
  readonly top?: number | undefined;
  /** An image stranger than this is unknown; default: what the learner's held-out images say. Infinity: none is. */
  readonly unknownThreshold?: number | undefined;
}

/** Right answers on labeled images. */
export interface Evaluation {
  readonly images: number;
  /** Of all images. */
  readonly accuracy: number;
  readonly classes: Readonly<Record<string, { readonly images: number; readonly accuracy: number }>>;
}

/** A learner. What is asked of it while it is at work waits for its turn. */
export class ImageLearner {
  readonly #parts: LearnerParts;
  #memory: Memory;
  #previous: Uint8Array | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #disposed = false;

  constructor(parts: LearnerParts) {
    this.#parts = parts;
    this.#memory = parts.memory;
    this.#previous = parts.previous;
  }

  /** Names of the classes, in the order in which they came. */
  get classes(): readonly string[] {
    return livePositions(this.#memory).map((position) => this.#memory.classNames[position]!);
  }

  /** How often it has learned: the number of its state. */
  get learns(): number {
    return this.#memory.record.learns;
  }

  /**
   * Learns classes from images, or known classes from further ones. A failure leaves it as it was.
   * @throws InputError for a class without images, or an image that can't be read
   */
  learn(request: LearnRequest, options: LearnOptions = {}): Promise<LearnResult> {
    return this.#inTurn(async () => {
      const { model } = this.#parts;
      const before = encodeModel(this.#tensors(), this.#description());
      try {
        const { memory, result } = await learnOnce(this.#parts, this.#memory, request, options);
        if (memory !== undefined) {
          this.#previous = this.#memory.classNames.length === 0 ? undefined : before;
          this.#memory = memory;
        }
        return result;
      } catch (error) {
        await model.load(decodeSafetensors(before, "the learner").tensors);
        throw error;
      }
    });
  }

  /** What the images show, in their order. @throws InputError for an image that can't be read */
  predict(images: Iterable<LearnerImage>, options: PredictOptions = {}): Promise<readonly Prediction[]> {
    return this.#inTurn(async () => {
      const { top, unknownThreshold } = options;
      if (top !== undefined && !(Number.isSafeInteger(top) && top > 0)) {
        throw new InputError(`${optionText("top", top)}: expected a whole number above 0`);
      }
      const placed = [...images].map((image) => ({ image, of: "those given", label: 0 }));
      return (await this.#answers(placed, options, unknownThreshold)).map((answer) => ({
        ...answer,
        classes: answer.classes.slice(0, top),
      }));
    });
  }

  /** How many images of known classes it answers right. @throws InputError for a class that it doesn't know */
  evaluate(labeled: LabeledImages, options: Listening = {}): Promise<Evaluation> {
    return this.#inTurn(async () => {
      const placed = Object.entries(labeled).flatMap(([of, images]) => {
        const label = this.#known(of);
        return [...images].map((image) => ({ image, of, label }));
      });
      if (placed.length === 0) throw new InputError("there are no images to evaluate on; expected some");
      const answers = await this.#answers(placed, options, Number.POSITIVE_INFINITY);
      const isRight = placed.map(({ of }, i) => answers[i]!.label === of);
      const shareOf = (rows: readonly number[]) => ({
        images: rows.length,
        accuracy: rows.filter((row) => isRight[row]).length / rows.length,
      });
      const rows = [...placed.keys()];
      const classes = [...new Set(placed.map(({ of }) => of))].map(
        (name) => [name, shareOf(rows.filter((row) => placed[row]!.of === name))] as const,
      );
      return { ...shareOf(rows), classes: Object.fromEntries(classes) };
    });
  }

  /** Gives a class another name. @throws InputError if there is none, or another one has that name */
  renameClass(name: string, to: string): Promise<void> {
    return this.#inTurn(async () => {
      const position = this.#known(name);
      if (to.trim() === "") throw new InputError("a class needs a name that isn't empty");
      if (to !== name && positionOf(this.#memory, to) !== undefined) {
        throw new InputError(`there is a class "${to}" already; choose another name`);
      }
      const renamed = (names: readonly string[]): readonly string[] =>
        names.map((each, at) => (at === position ? to : each));
      this.#memory = { ...this.#memory, classNames: renamed(this.#memory.classNames) };
      if (this.#previous === undefined) return;
      const { description, tensors } = decodeModel(this.#previous, "the state before");
      const classNames = renamed(description.classNames);
      this.#previous = encodeModel(tensors, { ...description, classNames });
    });
  }

  /**
   * Takes a class out of the answers, with its mean, its classifier row and its digests; the state before the last
   * learn goes, too. That is no unlearning: what its images have changed in the network and in the scatter that all
   * classes share stays.
   * @throws InputError if there is no such class
   */
  removeClass(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const position = this.#known(name);
      const { model } = this.#parts;
      await model.load(withoutClass(model.state(), position));
      const { classNames, record, digests } = this.#memory;
      this.#memory = {
        classNames: classNames.map((each, at) => (at === position ? "" : each)),
        record: {
          ...record,
          removed: [...record.removed, position],
          images: record.images.map((images, at) => (at === position ? 0 : images)),
        },
        digests: digests.without(position),
      };
      this.#previous = undefined;
    });
  }

  /** Takes the last learn back. @throws InputError if no state before it is kept */
  undo(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#previous === undefined) {
        throw new InputError(
          "there is nothing to undo: one learn can be taken back, and none after a class was removed",
        );
      }
      const { description, tensors } = decodeModel(this.#previous, "the state before");
      await this.#parts.model.load(tensors, description.temperatures);
      this.#memory = memoryOf(description, tensors);
      this.#previous = undefined;
    });
  }

  /** What it has learned, task by task, and how large it is. */
  info(): Promise<LearnerInfo> {
    return this.#inTurn(async () =>
      infoOf(this.#parts, this.#memory, this.#tensors(), this.#previous !== undefined),
    );
  }

  /** Its model's file, and that of the state before the last learn. @throws InputError if it has learned nothing */
  files(): Promise<{
    readonly model: Uint8Array;
    readonly previous: Uint8Array | undefined;
    readonly description: object;
  }> {
    return this.#inTurn(async () => {
      if (this.#memory.classNames.length === 0) {
        throw new InputError("the learner has learned nothing yet: there is nothing to save");
      }
      const { temperatures } = this.#parts.model.heads; // not of the state before a learn, which would be fitted for it
      const description = { ...this.#description(), temperatures };
      return { model: encodeModel(this.#tensors(), description), previous: this.#previous, description };
    });
  }

  /** Ends it, after what it is doing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#turn;
    await this.#parts.model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** One thing at a time: a learn tries states that are no answer. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#disposed) return Promise.reject(new Error("the learner is disposed"));
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #answers(
    placed: readonly PlacedImage[],
    listening: Listening,
    unknownThreshold: number | undefined,
  ): Promise<Prediction[]> {
    const { classNames, record } = this.#memory;
    if (this.classes.length === 0)
      throw new InputError("the learner knows no class yet; let it learn some first");
    const images = imageSet(placed, this.#parts.platform.readPath);
    const session = new Session(this.#parts, images, classNames.length, listening);
    const samples: readonly Sample[] = images.samples;
    const { features } = await session.features(samples, "classifying");
    const { scores, distances } = session.scores(features);
    const key = keyOf({ classNames, learner: record }, this.#parts.model.learner.width, unknownThreshold);
    return samples.map((_, row) => {
      const own = scores.subarray(row * classNames.length, (row + 1) * classNames.length);
      return answerOf(own, distances?.[row] ?? null, key);
    });
  }

  /** All that is saved. */
  #tensors(): Record<string, Tensor> {
    return {
      ...this.#parts.model.state(),
      ...this.#memory.digests.tensors(),
      ...adapterTensors(this.#parts.context.backbone),
    };
  }

  #description(): object {
    const { classNames, record } = this.#memory;
    // Temperatures of the file that it was opened from are of that state.
    return { ...this.#parts.basis, classNames, temperatures: undefined, learner: record };
  }

  #known(name: string): number {
    const position = positionOf(this.#memory, name);
    if (position !== undefined) return position;
    throw new InputError(
      `there is no class "${name}"${suggestion(name, this.classes)}; it knows: ${this.classes.join(", ") || "none"}`,
    );
  }
}
