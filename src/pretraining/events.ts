/** @file The typed events of a pre-training. */
import type { CurvePoint } from "./checkpoint.ts";

/** Everything that a pre-training tells the outside. All but `phase`, `resume` and `notice` are lines of events.jsonl. */
export type PretrainingEvent =
  | {
      readonly type: "pretraining-start";
      readonly images: number;
      readonly validationImages: number;
      readonly classes: number;
      readonly parameters: number;
      readonly epochs: number;
      readonly steps: number;
      /** Accuracy of a linear head on the teacher's features, on validation images; null without a teacher. */
      readonly teacherAccuracy: number | null;
    }
  /** Work before the training: decoding, the teacher's features. */
  | { readonly type: "phase"; readonly name: string; readonly done: number; readonly total: number }
  /** Something about the files that a user should know, such as images that were left out. */
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "resume"; readonly step: number; readonly steps: number }
  | {
      readonly type: "step";
      readonly step: number;
      readonly steps: number;
      readonly epoch: number;
      /** Means since the last such event. */
      readonly crossEntropy: number;
      readonly featureError: number | null;
      readonly gradientNorm: number;
      readonly rate: number;
      readonly imagesPerSecond: number;
      readonly secondsLeft: number;
    }
  | ({ readonly type: "epoch" } & CurvePoint)
  | { readonly type: "pretraining-end"; readonly accuracy: number; readonly seconds: number };
