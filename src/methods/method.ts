/** @file What a continual-learning method is to the task loop. */
import type * as z from "zod";
import type { Batch, Images, LabeledFeatures } from "../data/dataset.ts";
import type { OwnClassifier } from "../heads/head.ts";
import type { NetworkContext } from "../network/context.ts";
import type { ServedNetwork } from "../network/served-network.ts";
import type { Precision } from "../nn/precision.ts";
import type { Optimization } from "../optim/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Figure } from "./figures.ts";
import type { Ranges } from "./ranges.ts";

/** What every method gets. */
export interface MethodContext extends NetworkContext {
  /** Fixes every random choice of the method. */
  readonly seed: number;
  readonly optimization: Optimization;
  /** Tasks of the stream, where that is known beforehand: a product that learns on does not know it. */
  readonly tasks?: number | undefined;
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
  report(figures: readonly Figure[]): void;
}

/** Where a training step stands. */
export interface StepPosition {
  readonly epoch: number;
  readonly step: number;
  /** 0 to 1 over all steps of the task. */
  readonly progress: number;
}

/** The training of one task. It lives in memory alone, and only until the task ends. */
export interface Training {
  /** Numbers that it trains. */
  readonly size: number;
  /** Learns from one batch, in as many optimizer steps as the method takes; returns the batch's mean loss. */
  step(batch: Batch, position: StepPosition): Promise<number>;
  /** What a checkpoint in the middle of the task has to keep. */
  state(): Record<string, Tensor>;
  load(state: Tensors): void;
}

/** How a task begins. */
export interface TaskBeginning {
  /** Left out where the task trains nothing. */
  readonly training?: Training | undefined;
  /** Features of the task's images under the model so far, if the method has them anyway. Else the loop computes them. */
  readonly before?: LabeledFeatures | undefined;
}

/** A method at work: a network that learns a stream. Heads (src/heads) classify its features. */
export interface Learner {
  /** Of its features. May grow between tasks if the method takes no heads but its own. */
  readonly width: number;
  /** What a user should know about this model's cost, a sentence each. */
  readonly notes?: readonly string[];
  /** The classifier that the method trains itself: the head "rows". */
  readonly classify?: OwnClassifier;
  /** What a task of these classes trains: nothing, as the first task that trains, or as a later one. */
  plan(classes: readonly number[]): "none" | "first" | "later";
  /** Why a task of these classes trains nothing where others do; undefined where that is nothing to tell. */
  untrainable?(classes: readonly number[]): string | undefined;
  /** Prepares a task. Depends on the state and the task alone, so that a resumed run can repeat it. */
  begin(task: TaskData): Promise<TaskBeginning>;
  /**
   * Folds what was learned into the state, by further stages of training if the method has any, and forgets the task's
   * images and features.
   * @returns features of the task's images under the new model, if the method has them anyway. Else the loop computes them.
   */
  end(task: TaskData): Promise<LabeledFeatures | undefined>;
  /**
   * Features of images. Each row depends on its image alone, but for scales in 8 bits. While a task trains, they are
   * those of the model before it. [count, width]
   */
  features(images: Images): Promise<Float32Array>;
  /** The network between tasks, for others to take over; left out where it takes more than one forward pass. */
  served?(): ServedNetwork;
  /** What the network keeps between tasks. Unchanged while a task trains. */
  state(): Record<string, Tensor>;
  load(state: Tensors): Promise<void>;
  dispose(): Promise<void>;
}

/** What kind of method it is: tables print it, and the conformance suite checks it. */
export interface Traits {
  /** "joint" trains on all tasks at once: an upper bound, not a continual learner. */
  readonly protocol: "continual" | "joint";
  /** What the state grows with. */
  readonly grows: readonly ("classes" | "tasks" | "classes by tasks")[];
  /** Which tasks train something. */
  readonly trains: "never" | "first task" | "every task";
  /** What is trained besides a classifier. */
  readonly trained: "nothing" | "added values" | "all weights";
  /** Names of the heads that it takes; "any" for all of the room. */
  readonly heads: "any" | readonly string[];
  /** Whether it trains a classifier of its own (`Learner.classify`). */
  readonly ownClassifier: boolean;
  /** Whether it makes features of its own, which then can't be wider (`Features`). */
  readonly ownFeatures?: boolean;
  readonly precisions: readonly Precision["name"][];
  /** Forward passes that classifying an image takes: a number, or one a task. */
  readonly forwardPasses: number | "tasks" | "tasks + 1";
}

/** What a method takes unless told otherwise, besides the defaults of its options. */
export interface MethodDefaults {
  /** The first is its own choice. */
  readonly heads: readonly string[];
  readonly drift: string;
  /** Values of its options where every task brings the same classes, if others are better there. */
  readonly domains?: Readonly<Record<string, unknown>>;
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
  /** What `fmlora tune` searches of them: the few that matter. Left out: nothing. */
  readonly ranges?: Ranges<Extract<keyof z.output<Options>, string>>;
  readonly traits: Traits;
  readonly defaults: MethodDefaults;
  /** @throws InputError if the options don't fit the backbone */
  create(context: MethodContext, options: z.output<Options>): Learner;
}

/** A `Method` of any options: what a list of them holds. */
export type AnyMethod = Omit<Method, "create"> & {
  create(context: MethodContext, options: never): Learner;
};

/** Keeps the options' types while a method is defined. */
export function defineMethod<Options extends z.ZodObject>(method: Method<Options>): Method<Options> {
  return method;
}
