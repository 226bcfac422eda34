/** @file Learners in a page: the same as Node's, at work in a worker of their own. */
import type { ExportChoice } from "../export/work.ts";
import type {
  Evaluation,
  ImageLearner,
  LabeledImages,
  LearnerImage,
  LearnerInfo,
  LearnOptions,
  LearnRequest,
  LearnResult,
  Prediction,
  PredictOptions,
} from "../learner/index.ts";
import type { WebDownload } from "./cached-files.ts";
import { type CallListening, Connection, ImageBag } from "./connection.ts";
import type { WebExport } from "./export.ts";
import type { CallName, Calls } from "./messages.ts";
import type { NewLearner, OpenedLearner } from "./stored-learner.ts";

/** Where a learner's worker comes from, and what is heard while it starts. */
export interface StartOptions {
  /** Starts `fm-lora/web/worker` as a module; default: beside this program, where bundlers put it. */
  readonly worker?: (() => Worker) | undefined;
  /** Hears of the backbone's download, if there is one. */
  readonly onDownload?: ((download: WebDownload) => void) | undefined;
  /** Stops the start. */
  readonly signal?: AbortSignal | undefined;
}

/** What a new learner is to be. */
export interface CreateLearnerOptions extends NewLearner, StartOptions {}

/** How a model is opened. */
export interface OpenLearnerOptions extends OpenedLearner, StartOptions {}

/** A learner that works in a worker and can be stored in the browser. What is asked of it at work waits for its turn. */
export class WebLearner implements Pick<ImageLearner, keyof ImageLearner> {
  readonly #connection: Connection;
  #disposed: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Names of the classes, in the order in which they came. */
  get classes(): readonly string[] {
    return this.#connection.state.classes;
  }

  /** How often it has learned: the number of its state. */
  get learns(): number {
    return this.#connection.state.learns;
  }

  /**
   * Learns classes from images, or known classes from further ones. A failure leaves it as it was.
   * @throws InputError for a class without images, or an image that can't be read
   */
  async learn(
    { classes, domain }: LearnRequest,
    { onProgress, signal, ...options }: LearnOptions = {},
  ): Promise<LearnResult> {
    const images = new ImageBag();
    const sent = { classes: images.sendAll(classes), domain };
    return this.#call("learn", [sent, options], { onProgress, signal, images });
  }

  /** What the images show, in their order. @throws InputError for an image that can't be read */
  async predict(
    given: Iterable<LearnerImage>,
    { onProgress, signal, ...options }: PredictOptions = {},
  ): Promise<readonly Prediction[]> {
    const images = new ImageBag();
    const sent = [...given].map((image) => images.send(image, "those given"));
    return this.#call("predict", [sent, options], { onProgress, signal, images });
  }

  /** How many images of known classes it answers right. @throws InputError for a class that it doesn't know */
  async evaluate(
    labeled: LabeledImages,
    { onProgress, signal }: Pick<CallListening, "onProgress" | "signal"> = {},
  ): Promise<Evaluation> {
    const images = new ImageBag();
    return this.#call("evaluate", [images.sendAll(labeled)], { onProgress, signal, images });
  }

  /** Gives a class another name. @throws InputError if there is none, or another one has that name */
  renameClass(name: string, to: string): Promise<void> {
    return this.#call("renameClass", [name, to]);
  }

  /** Takes a class out of the answers; that is no unlearning. @throws InputError if there is no such class */
  removeClass(name: string): Promise<void> {
    return this.#call("removeClass", [name]);
  }

  /** Takes the last learn back. @throws InputError if no state before it is kept */
  undo(): Promise<void> {
    return this.#call("undo", []);
  }

  /** What it has learned, task by task, and how large it is. */
  info(): Promise<LearnerInfo> {
    return this.#call("info", []);
  }

  /** Its model's file, and that of the state before the last learn. @throws InputError if it has learned nothing */
  files(): ReturnType<ImageLearner["files"]> {
    return this.#call("files", []);
  }

  /**
   * The files that `fmlora export` writes, for PEFT, transformers, transformers.js or any ONNX Runtime.
   * @throws InputError if it has learned nothing, or the format has no place for what it is
   */
  export(options: ExportChoice): Promise<WebExport> {
    return this.#call("export", [options]);
  }

  /**
   * Stores the model in the browser, whole or not at all, and keeps its name locked from then on.
   * @param name default: where it was opened or stored before
   * @throws InputError if another model has the name, another learner is at work there, or there is no room
   */
  save(name?: string): Promise<void> {
    return this.#call("save", [name]);
  }

  /** Ends it, after what it is doing. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#connection
      .call("dispose", [])
      .catch(() => {}) // its worker has ended before
      .then(() => this.#connection.close());
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #call<Name extends CallName>(
    name: Name,
    given: Parameters<Calls[Name]>,
    listening?: CallListening,
  ): Promise<ReturnType<Calls[Name]>> {
    if (this.#disposed !== undefined) return Promise.reject(new Error("the learner is disposed"));
    return this.#connection.call(name, given, listening);
  }
}

/** A learner that knows nothing yet. @throws InputError for a name or a value that can't be, or a name in use */
export function createLearner({
  worker,
  onDownload,
  signal,
  ...options
}: CreateLearnerOptions): Promise<WebLearner> {
  return started({ worker, signal }, (connection) => connection.call("create", [options], { onDownload }));
}

/**
 * A learner that goes on from a model: a stored one by its name, or a file that a learner or a run has written.
 * @throws InputError if there is none, it doesn't fit the backbone, or another learner is at work there
 */
export function openLearner(
  model: string | Uint8Array | Blob,
  { worker, onDownload, signal, ...options }: OpenLearnerOptions,
): Promise<WebLearner> {
  return started({ worker, signal }, (connection) =>
    connection.call("open", [model, options], { onDownload }),
  );
}

async function started(
  { worker, signal }: Pick<StartOptions, "worker" | "signal">,
  start: (connection: Connection) => Promise<void>,
): Promise<WebLearner> {
  signal?.throwIfAborted();
  // Written out, as bundlers want it.
  const own =
    worker?.() ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "fm-lora" });
  const connection = new Connection(own);
  const abort = (): void => connection.close(signal!.reason);
  signal?.addEventListener("abort", abort);
  try {
    await start(connection);
    return new WebLearner(connection);
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
