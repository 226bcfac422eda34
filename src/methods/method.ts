/** @file What a continual-learning method is to the task loop. */
import type { z } from "zod";
import type { Batch, Images } from "../data/dataset.ts";
import type { NetworkContext } from "../network/context.ts";
import type { Optimization } from "../optim/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What every method gets. */
export interface MethodContext extends NetworkContext {
  /** Fixes every random choice of the method. */
  readonly seed: number;
  readonly optimization: Optimization;
}

/** What a method may see of one task. */
export interface TaskData {
  readonly index: number;
  /** Positions, in the stream's class order, of the classes that the task has training images of; ascending. */
  readonly classes: readonly number[];
  /** Training images of the task. */
  readonly trainImages: number;
  /** One pass over the training images in order, as test images are prepared. Labels are stream positions. */
  pass(phase: string): AsyncIterable<Batch>;
  /** Tells the outside something about this task: chosen ranks, similarity. */
  report(report: MethodReport): void;
}

/** What a method may tell about a task. */
export interface MethodReport {
  /** Chosen rank by adapted site. */
  readonly ranks?: Readonly<Record<string, number>>;
  /** Unit vector that describes the task's inputs; the report compares tasks by its cosine. */
  readonly fingerprint?: readonly number[];
  readonly values?: Readonly<Record<string, number>>;
}

/** Where a training step stands. */
export interface StepPosition {
  readonly epoch: number;
  readonly step: number;
  /** 0 to 1 over all steps of the task. */
  readonly progress: number;
}

/** Class scores by readout: a way to classify, such as "lda" or "head". [count, classes], −∞ for classes not seen. */
export type Scores = Readonly<Record<string, Float32Array>>;

/** A method at work: one model that learns a stream. */
export interface Learner {
  /** Ways to classify; the first is the method's own choice. */
  readonly readouts: readonly string[];
  /** What a user should know about this model's cost, a sentence each. */
  readonly notes?: readonly string[];
  /** Numbers trained in the current task. */
  readonly trainableParameters: number;
  /** Whether no task has trained anything yet; the first that does gets more epochs. */
  readonly untrained: boolean;
  /** Whether a task of these classes has anything to train; without, the loop goes straight to `endTask`. */
  trains(classes: readonly number[]): boolean;
  /** Prepares a task. Depends on the state and the task alone, so that a resumed run can repeat it. */
  beginTask(task: TaskData): Promise<void>;
  /** One optimizer step; returns the mean loss of the batch. */
  trainStep(batch: Batch, position: StepPosition): Promise<number>;
  /** Folds what was learned into the state and forgets the task's images and features. */
  endTask(task: TaskData): Promise<void>;
  /** Scores images among `classCount` classes. Each image's scores depend on that image alone, but for scales in 8 bits. */
  predict(images: Images, classCount: number): Promise<Scores>;
  /**
   * How far each image is from every known class: squared Mahalanobis distance per
   * feature dimension, about 1 or less for known classes; null where it can't tell. [count]
   */
  distances(images: Images): Promise<Float32Array | null>;
  /** What the model keeps between tasks: all that model/ holds. Unchanged while a task trains. */
  state(): Record<string, Tensor>;
  load(state: Tensors): Promise<void>;
  /** What only the current task's training needs, for a checkpoint in its middle. */
  trainingState(): Record<string, Tensor>;
  loadTraining(state: Tensors): void;
  dispose(): Promise<void>;
}

/** One method: its name, its options, and how to start it. One file, one line in `index.ts`. */
export interface Method<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** One sentence for the list of methods. */
  readonly summary: string;
  /** Paper, or "ours". */
  readonly source: string;
  /** Every option with its default and a description: command line, documents and config.json derive from it. */
  readonly options: Options;
  /** "joint" trains on all tasks at once: an upper bound, not a continual learner. */
  readonly protocol: "continual" | "joint";
  create(context: MethodContext, options: z.infer<Options>): Learner;
}

/** Keeps the options' types while a method is defined. */
export function defineMethod<Options extends z.ZodObject>(method: Method<Options>): Method<Options> {
  return method;
}
