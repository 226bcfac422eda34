/** @file What a page and its learner's worker tell each other. */
import type { ExportChoice } from "../export/work.ts";
import type {
  Evaluation,
  LearnerInfo,
  LearnerProgress,
  LearnOptions,
  LearnResult,
  Prediction,
  PredictOptions,
  RawPixels,
} from "../learner/index.ts";
import type { WebDownload } from "./cached-files.ts";
import type { WebExport } from "./export.ts";
import type { NewLearner, OpenedLearner } from "./stored-learner.ts";

/** An image that the page reads when the worker asks for it. */
export interface ReadByPage {
  readonly name: string;
  /** Number among the images of its call. */
  readonly number: number;
}

/** An image as a message carries it. */
export type SentImage = string | Uint8Array | Blob | RawPixels | ReadByPage;

/** Images by the name of their class. */
export type SentImages = Readonly<Record<string, readonly SentImage[]>>;

/** Options as a message carries them: who listens and who stops it stay on the page. */
type Sent<Options> = Omit<Options, "onProgress" | "signal">;

/** What a page asks of its worker: arguments and answer. */
export interface Calls {
  create(options: NewLearner): void;
  open(model: string | Uint8Array | Blob, options: OpenedLearner): void;
  learn(
    request: { readonly classes: SentImages; readonly domain?: string | undefined },
    options: Sent<LearnOptions>,
  ): LearnResult;
  predict(images: readonly SentImage[], options: Sent<PredictOptions>): readonly Prediction[];
  evaluate(images: SentImages): Evaluation;
  renameClass(name: string, to: string): void;
  removeClass(name: string): void;
  undo(): void;
  info(): LearnerInfo;
  files(): {
    readonly model: Uint8Array;
    readonly previous: Uint8Array | undefined;
    readonly description: object;
  };
  export(options: ExportChoice): WebExport;
  save(name: string | undefined): void;
  dispose(): void;
}

/** A call, by name. */
export type CallName = keyof Calls;

/** From the page. */
export type ToWorker =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: CallName;
      readonly arguments: Parameters<Calls[CallName]>;
    }
  | { readonly kind: "abort"; readonly id: number }
  /** An answer to "read". */
  | { readonly kind: "image"; readonly read: number; readonly bytes: Uint8Array }
  | { readonly kind: "no image"; readonly read: number; readonly error: SentError };

/** An error as a message carries it: classes are lost on the way. */
export interface SentError {
  readonly message: string;
  readonly stack: string | undefined;
  readonly isInput: boolean;
}

/** What a learner tells without being asked. */
export interface LearnerState {
  readonly classes: readonly string[];
  readonly learns: number;
}

/** From the worker. */
export type FromWorker =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown; readonly state: LearnerState }
  | { readonly kind: "error"; readonly id: number; readonly error: SentError; readonly state: LearnerState }
  | { readonly kind: "progress"; readonly id: number; readonly progress: LearnerProgress }
  | { readonly kind: "download"; readonly id: number; readonly download: WebDownload }
  /** The bytes of image `number` of call `id` are needed. */
  | { readonly kind: "read"; readonly id: number; readonly number: number; readonly read: number };
