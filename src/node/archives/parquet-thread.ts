/** @file Parquet files, read in a thread that can be ended: a damaged one may keep its library busy for ever. */
import { Worker } from "node:worker_threads";
import { InputError } from "../../tensor/errors.ts";
import { workerEntry } from "../files/worker-entry.ts";
import { ALIVE, type Answer, type Question, type TableFacts } from "./parquet-messages.ts";

/** Signs of life that may be missing, one after the other, before the thread is ended: half a minute. */
const MOST_MISSING = 150;
/** Of JavaScript's own memory, besides buffers: a file's claims are bounded, and this is what they may come to. */
const LARGEST_HEAP = 1024;

/** One parquet file. */
export interface RemoteTable {
  readonly file: string;
  readonly rows: number;
  readonly columns: readonly string[];
  /** Names of the numbers in a column of classes, where the file has them. */
  names(column: string): readonly string[] | undefined;
  /** A column of numbers or text. @throws InputError if it isn't there or can't be read */
  column(name: string): Promise<(number | string | null)[]>;
  /** The encoded image of a row. @throws InputError if it can't be read, or there is none */
  image(column: string, row: number): Promise<Uint8Array>;
}

/** Opens a file in the thread that all share. @throws InputError if it is damaged or no parquet file */
export async function openRemoteTable(file: string, thread: ParquetThread = shared): Promise<RemoteTable> {
  const { rows, columns, names } = (await thread.ask({ ask: "open", file })) as TableFacts;
  return {
    file,
    rows,
    columns,
    names: (column) => (Object.hasOwn(names, column) ? names[column] : undefined),
    column: async (column) =>
      (await thread.ask({ ask: "column", file, column })) as (number | string | null)[],
    image: async (column, row) => (await thread.ask({ ask: "image", file, column, row })) as Uint8Array,
  };
}

type Plain<Union> = Union extends unknown ? Omit<Union, "id"> : never;

interface Waiting {
  readonly file: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that starts with the first question, and anew after it had to be ended. It keeps no process alive. */
export class ParquetThread {
  readonly #mostMissing: number;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 0;
  #missing = 0;
  #watch: NodeJS.Timeout | undefined;

  /** @param mostMissing signs of life that may be missing before it is ended */
  constructor(mostMissing = MOST_MISSING) {
    this.#mostMissing = mostMissing;
  }

  /** Puts a question. @throws InputError if the file can't be read, or the thread didn't come back from it */
  ask(question: Plain<Question>): Promise<unknown> {
    this.#worker ??= this.#start();
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { file: question.file, resolve, reject });
      this.#worker!.ref();
      this.#watch ??= setInterval(() => this.#tick(), ALIVE);
      this.#worker!.postMessage({ id, ...question });
    });
  }

  #start(): Worker {
    const [entry, options] = workerEntry(import.meta.url, "parquet-worker");
    const worker = new Worker(entry, {
      ...options,
      resourceLimits: { maxOldGenerationSizeMb: LARGEST_HEAP },
    });
    worker.unref();
    this.#missing = -this.#mostMissing; // it has to start first
    worker.on("message", (answer: Answer) => {
      if (worker !== this.#worker) return;
      this.#missing = 0;
      if (answer !== null) this.#settle(answer);
    });
    worker.on("error", ({ message }) => this.#end(worker, `the thread that reads it failed: ${message}`));
    worker.on("exit", () => this.#end(worker, "the thread that reads it ended"));
    return worker;
  }

  #settle(answer: NonNullable<Answer>): void {
    const { resolve, reject } = this.#waiting.get(answer.id)!;
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#rest();
    if ("value" in answer) resolve(answer.value);
    else reject(answer.isInput ? new InputError(answer.error) : new Error(answer.error));
  }

  #rest(): void {
    this.#worker?.unref();
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #tick(): void {
    this.#missing++;
    if (this.#missing <= this.#mostMissing || this.#worker === undefined) return;
    this.#end(this.#worker, `reading it takes longer than ${(this.#mostMissing * ALIVE) / 1000} s`);
  }

  /** Whoever waits is told the first file of them: which one it was is not known. */
  #end(worker: Worker, why: string): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#rest();
    void worker.terminate();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { file, reject } of waiting) {
      reject(new InputError(`${file}: can't be read as parquet (${why}); it is damaged: fetch it again`));
    }
  }
}

const shared = new ParquetThread();
