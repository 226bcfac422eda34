/** @file The typed events of a run: the terminal, events.jsonl and the report all read these. */
import type { Figure } from "../methods/figures.ts";

/** Everything that a run tells the outside, in order. Each is one line of events.jsonl, plus `time` (ISO 8601). */
export type RunEvent =
  | {
      readonly type: "run-start";
      readonly method: string;
      readonly benchmark: string;
      readonly backbone: string;
      readonly tasks: number;
      readonly classes: number;
      readonly notes: readonly string[];
    }
  | { readonly type: "resume"; readonly task: number; readonly epoch: number; readonly tasks: number }
  | {
      readonly type: "task-start";
      readonly task: number;
      readonly name: string;
      readonly classNames: readonly string[];
      readonly trainImages: number;
      readonly testImages: number;
      /** 0 where the task has nothing to train. */
      readonly epochs: number;
    }
  /** A task that trains nothing where others do: its classes are known to heads with statistics only. */
  | { readonly type: "untrained-task"; readonly task: number; readonly reason: string }
  | {
      readonly type: "phase";
      readonly task: number;
      readonly name: string;
      readonly done: number;
      readonly total: number;
    }
  | {
      readonly type: "step";
      readonly task: number;
      readonly epoch: number;
      readonly epochs: number;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly images: number;
      readonly imagesPerSecond: number;
      readonly secondsLeft: number;
    }
  | {
      readonly type: "epoch";
      readonly task: number;
      readonly epoch: number;
      readonly loss: number;
      readonly seconds: number;
    }
  /** What a method wants shown. */
  | { readonly type: "method"; readonly task: number; readonly figures: readonly Figure[] }
  | {
      readonly type: "task-end";
      readonly task: number;
      /** Row R[t] of every head: accuracy on tasks 0..t (or on all tasks); empty where the task was not evaluated. */
      readonly accuracy: Readonly<Record<string, readonly number[]>>;
      /** Of the first head; null where the task was not evaluated. */
      readonly accuracyMicro: number | null;
      readonly stateBytes: number;
      readonly seconds: number;
    }
  /** Accuracy of the first head in the middle of the stream: over the test images of the classes met so far. */
  | {
      readonly type: "anytime";
      readonly task: number;
      readonly images: number;
      readonly accuracyMicro: number;
    }
  /** Something about this process that a user should know, such as a damaged cache. */
  | { readonly type: "notice"; readonly text: string }
  | { readonly type: "skipped-image"; readonly id: string; readonly reason: string }
  | {
      readonly type: "run-end";
      readonly lastAccuracy: number | null;
      readonly averageAccuracy: number | null;
      readonly seconds: number;
    };

/** A listener to a run. */
export type EventSink = (event: RunEvent) => void;
