/** @file Where the page's learner is: in this browser, or on the server that the page comes from. */
import type { Evaluation, LearnerInfo, LearnOptions, LearnRequest, LearnResult, Prediction } from "fm-lora";
import type { ExportFormat } from "fm-lora/web";
import type { ComponentType } from "preact";

/** A picture that is asked about. */
export type Asked = Blob | ImageData;

/** A form in which a model is taken home. */
export type Form = "model" | ExportFormat;

/** A file to be saved. */
export interface Parcel {
  readonly name: string;
  readonly blob: Blob;
}

/** What the page asks of a learner, wherever it is. */
export interface PageLearner {
  info(): Promise<LearnerInfo>;
  predict(pictures: readonly Asked[]): Promise<readonly Prediction[]>;
  evaluate(classes: Readonly<Record<string, readonly Blob[]>>): Promise<Pick<Evaluation, "classes">>;
  learn(
    request: LearnRequest & { readonly classes: Readonly<Record<string, readonly Blob[]>> },
    options: Pick<LearnOptions, "train" | "signal" | "onProgress">,
  ): Promise<LearnResult>;
  renameClass(name: string, to: string): Promise<void>;
  removeClass(name: string): Promise<void>;
  undo(): Promise<void>;
  /** Makes what it has learned last. */
  save(): Promise<void>;
  /** @param dropPrompts for peft and safetensors, which have no place for prompt tokens: leave them out */
  take(form: Form, dropPrompts: boolean): Promise<Parcel>;
  dispose(): Promise<void>;
}

/** A place with a learner. */
export interface Home {
  /** What becomes of pictures, a sentence. */
  readonly promise: string;
  /** Whether the page keeps the model itself, as a file that others may open. */
  readonly keepsModel: boolean;
  /** Further controls, above all others. */
  readonly Panel?: ComponentType;
  /** Name under which the page's pictures are kept. */
  key(): string;
  /** Goes on from what there is, or begins. @throws LockedError where a token is wanted */
  open(): Promise<PageLearner>;
  /** What is sent with every request from now on. */
  unlock?(token: string): void;
  /**
   * Puts a model from a file, or a new one, in the place of what there is; `network`: of the new one, by its name on the
   * Hub. Nothing is given up before the other one is there.
   */
  replace?(former: PageLearner, file: Blob | null, network?: string): Promise<PageLearner>;
}

/** The server wants a token. */
export class LockedError extends Error {}

/** The build says which; the other one is left out of it. */
export const findHome = async (): Promise<Home> =>
  import.meta.env.MODE === "server"
    ? (await import("./server-home.ts")).serverHome
    : (await import("./browser-home.ts")).browserHome;
