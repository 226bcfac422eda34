/** @file What a model's process is asked and what it answers: the messages between it and the server. */
import type { LearnerInfo, LearnerProgress, LearnResult, Prediction } from "../../learner/index.ts";
import type { TrainingWish } from "../../learner/training.ts";
import type { Exported, ExportOptions } from "../exports/export.ts";

/** Which model a process is for, and how it computes. */
export interface ProcessSettings {
  /** Folder of the model; one that is not there yet may be made by learning. */
  readonly folder: string;
  /** Of new models; default: the one that comes along. */
  readonly backbone?: string | undefined;
  /** Of new models; default: fm-lora. */
  readonly method?: string | undefined;
  /** Of the runtime. */
  readonly threads: number;
  /** Modules with further methods and heads, as `loadPlugins` takes them. */
  readonly plugins: readonly string[];
  /** Whether no other machine may be asked for a backbone. */
  readonly offline: boolean;
}

/** An image's answer, or why there is none: one that can't be read spoils nothing for the others of its batch. */
export type Outcome = Prediction | { readonly error: string };

/** Answers about some images. */
export interface Answers {
  /** In the images' order. */
  readonly outcomes: readonly Outcome[];
  /** Of the model that answered: how often it had learned; null of a run's. */
  readonly learns: number | null;
}

/** What to learn. */
export interface LearnCall {
  /** Files' bytes by the name of their class. */
  readonly classes: ReadonlyMap<string, readonly Uint8Array[]>;
  readonly domain?: string | undefined;
  readonly train?: TrainingWish | undefined;
  readonly epochs?: number | undefined;
  readonly validationShare?: number | undefined;
}

/** What to export, into a folder that is not there yet. */
export type ExportCall = Pick<ExportOptions, "to" | "head" | "dropPrompts" | "dtype" | "resizing"> & {
  readonly out: string;
};

/** All that a process can be asked: what is handed over, and what comes back. */
export interface Calls {
  predict: { readonly given: readonly Uint8Array[]; readonly back: Answers };
  info: { readonly given: null; readonly back: LearnerInfo };
  learn: { readonly given: LearnCall; readonly back: LearnResult };
  undo: { readonly given: null; readonly back: readonly string[] };
  rename: {
    readonly given: { readonly name: string; readonly to: string };
    readonly back: readonly string[];
  };
  remove: { readonly given: { readonly name: string }; readonly back: readonly string[] };
  export: { readonly given: ExportCall; readonly back: Exported };
}

/** Name of a call. */
export type CallName = keyof Calls;

/** To the process: a call, or the end of one that is not wanted any more. */
export type Message =
  | { readonly id: number; readonly name: CallName; readonly given: unknown }
  | { readonly id: number; readonly cancel: true };

/** From the process. `input`: the caller can mend it. */
export type Reply =
  | { readonly id: number; readonly progress: LearnerProgress }
  | { readonly id: number; readonly back: unknown }
  | { readonly id: number; readonly error: string; readonly input: boolean };
