/** @file A page's side of its learner's worker: calls, what is heard of them, and how they are stopped. */
import type { LearnerImage, LearnerProgress } from "../learner/index.ts";
import type { WebDownload } from "./cached-files.ts";
import { errorFrom, sentError } from "./errors.ts";
import type {
  CallName,
  Calls,
  FromWorker,
  LearnerState,
  SentImage,
  SentImages,
  ToWorker,
} from "./messages.ts";

/** Who hears of a call, and who stops it. */
export interface CallListening {
  readonly onProgress?: ((progress: LearnerProgress) => void) | undefined;
  readonly onDownload?: ((download: WebDownload) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the worker may ask for. */
  readonly images?: ImageBag | undefined;
}

interface Pending extends CallListening {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** The worker, and what it was asked. */
export class Connection {
  state: LearnerState = { classes: [], learns: 0 };
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #ended: unknown;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`the learner's worker ended: ${event.message || "its program can't be loaded"}`));
    };
    worker.onmessageerror = () => this.#end(new Error("the learner's worker sent what can't be read"));
  }

  /** Asks the worker. @throws InputError as the learner does; the signal's reason if it stops the call */
  call<Name extends CallName>(
    name: Name,
    given: Parameters<Calls[Name]>,
    listening: CallListening = {},
  ): Promise<ReturnType<Calls[Name]>> {
    const { signal } = listening;
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const id = this.#next++;
    const abort = (): void => this.#send({ kind: "abort", id });
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#send({ kind: "call", id, name, arguments: given }); // first: it may hold what no message can
      this.#pending.set(id, { ...listening, resolve, reject });
      signal?.addEventListener("abort", abort);
    });
    return answer.finally(() => signal?.removeEventListener("abort", abort)) as Promise<
      ReturnType<Calls[Name]>
    >;
  }

  /** Ends the worker, whatever it is doing. @param reason what its calls are rejected with */
  close(reason: unknown = new Error("the learner is disposed")): void {
    this.#end(reason);
  }

  #end(error: unknown): void {
    this.#ended ??= error;
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #hear(message: FromWorker): void {
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    switch (message.kind) {
      case "progress":
        pending.onProgress?.(message.progress);
        return;
      case "download":
        pending.onDownload?.(message.download);
        return;
      case "read":
        void this.#read(pending, message);
        return;
      default:
        this.#pending.delete(message.id);
        this.state = message.state;
        if (message.kind === "result") pending.resolve(message.value);
        else
          pending.reject(pending.signal?.aborted === true ? pending.signal.reason : errorFrom(message.error));
    }
  }

  async #read({ images }: Pending, { number, read }: FromWorker & { readonly kind: "read" }): Promise<void> {
    try {
      const bytes = new Uint8Array(await images!.read(number)); // a copy: the page keeps its own
      this.#send({ kind: "image", read, bytes }, [bytes.buffer]);
    } catch (error) {
      this.#send({ kind: "no image", read, error: sentError(error) });
    }
  }

  #send(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

/** Images of one call on their way to the worker; those that only the page can read stay here. */
export class ImageBag {
  readonly #readers: (() => Promise<ArrayBuffer | Uint8Array>)[] = [];

  /** @throws DOMException, later, for an object that neither we nor messages know */
  send(image: LearnerImage, of: string): SentImage {
    if (typeof image !== "object" || image === null || image instanceof Uint8Array || image instanceof Blob) {
      return image;
    }
    if ("read" in image) return this.#kept(image.name, () => image.read());
    if ("arrayBuffer" in image)
      return this.#kept(image.name ?? `an image of ${of}`, () => image.arrayBuffer());
    return image;
  }

  sendAll(images: Readonly<Record<string, Iterable<LearnerImage>>>): SentImages {
    return Object.fromEntries(
      Object.entries(images).map(([name, own]) => [name, [...own].map((image) => this.send(image, name))]),
    );
  }

  read(number: number): Promise<ArrayBuffer | Uint8Array> {
    return this.#readers[number]!();
  }

  #kept(name: string, read: () => Promise<ArrayBuffer | Uint8Array>): SentImage {
    return { name, number: this.#readers.push(read) - 1 };
  }
}
