/** @file What a head is: a way to classify features, fitted task by task without any old image. */
import type * as z from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ClassStatistics } from "./class-statistics.ts";
import type { DriftMap } from "./drift/drift.ts";
import type { LinearClassifier } from "./linear-classifier.ts";

/** The classifier that a method trains itself. */
export interface OwnClassifier {
  /** Class scores of features. [n, width] -> [n, classCount] */
  (features: Float32Array, classCount: number): Float32Array;
  /** The same as numbers, where it is linear in the features, or in features scaled to unit length. */
  linear?(): LinearClassifier & Partial<Pick<HeadClassifier, "unitFeatures">>;
}

/** A head's scores as other programs can compute them: weight · f + bias. */
export interface HeadClassifier extends LinearClassifier {
  /** Of features scaled to unit length. */
  readonly unitFeatures: boolean;
}

/** What a head may use besides its own memory. */
export interface HeadContext {
  /** Width of the features. */
  readonly width: number;
  /** Means (and scatter, if the definition needs it) of all classes so far, shared by all heads. Ask anew each time. */
  readonly statistics: () => ClassStatistics;
  /** The method's own classifier; there is one if the definition needs it. */
  readonly own: OwnClassifier;
}

/** A head at work. What it computes must follow from its tensors and the shared statistics: a resumed run repeats it. */
export interface Head {
  /** Takes a task's features into a memory of its own; the shared statistics have them already. */
  add?(task: LabeledFeatures): void;
  /** Moves a memory of its own along with the features, before the task is added. */
  move?(map: DriftMap): void;
  /** Forgets fits of statistics that have changed. Fit when asked for scores, not here. */
  changed?(): void;
  /** Scores of every class, [n, classCount]; −∞ for classes it does not know. Each row depends on its features alone. */
  scores(features: Float32Array, classCount: number): Float32Array;
  /** The scores in a form that other programs can compute, over the classes it knows; left out where there is none. */
  classifier?(): HeadClassifier | undefined;
  /** How far each row is from every known class: about 1 or less for known ones; null where it can't tell. [n] */
  distances?(features: Float32Array): Float32Array | null;
  /** What scores were divided by so that their softmax is calibrated; left out by heads that don't calibrate. */
  temperature?(): number;
  /** Takes back what `temperature` gave for what was loaded, which spares the fit; forgotten with `changed`. */
  calibrate?(temperature: number): void;
  /** A memory of its own, by names that begin with the head's. */
  tensors?(): Record<string, Tensor>;
  load?(tensors: Tensors): void;
}

/** What a head needs: class means, their shared scatter as well, or a classifier that its method trains. */
export type HeadNeed = "means" | "scatter" | "own classifier";

/** One head: its name, its options, and how to start it. One file, one line in `index.ts`. */
export interface HeadDefinition<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** One sentence for the list. */
  readonly summary: string;
  /** Paper, or "ours". */
  readonly source: string;
  /** Every option with its default and a description. */
  readonly options: Options;
  readonly needs: readonly HeadNeed[];
  /** Whether it stays right when features move: by statistics that move along, or by a `move` of its own. */
  readonly followsDrift: boolean;
  create(context: HeadContext, options: z.output<Options>): Head;
}

/** A `HeadDefinition` of any options: what a list of them holds. */
export type AnyHead = Omit<HeadDefinition, "create"> & {
  create(context: HeadContext, options: never): Head;
};

/** Keeps the options' types while a head is defined. */
export function defineHead<Options extends z.ZodObject>(
  head: HeadDefinition<Options>,
): HeadDefinition<Options> {
  return head;
}
