/** @file Worker threads that prepare images, so that the main thread is free for the training step. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { ImageTransform, StoredImage } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { workerEntry } from "../files/worker-entry.ts";
import { pixelsInWork } from "./gate.ts";
import { sharpTransform } from "./transform.ts";
import type { Answer, Request } from "./worker.ts";

/** Threads that prepare images. */
export interface ImagePool {
  /** `sharpTransform`, elsewhere: the same pixels whatever the number of threads. */
  readonly transform: ImageTransform;
  /** Ends the threads; what is still waiting is rejected. */
  close(): Promise<void>;
}

/** Images that a thread has at a time: one in work, and the next at hand when it is done. */
const AT_A_TIME = 2;

/** One for every four cores, at most four: a training step needs the others. */
export const defaultWorkers = (): number => Math.min(4, Math.max(1, Math.floor(availableParallelism() / 4)));

/** Threads that start with the first image, and don't keep the process alive. 0 workers: the calling thread. */
export function imagePool(workers: number): ImagePool {
  if (workers === 0) return { transform: sharpTransform, close: async () => {} };
  const threads: Thread[] = [];
  const waiting: Job[] = [];
  let closed = false;
  const dispatch = (): void => {
    while (waiting.length > 0) {
      let free = threads.find((thread) => thread.load === 0);
      if (free === undefined && threads.length < workers) {
        free = new Thread(dispatch);
        threads.push(free);
      }
      free ??= threads.toSorted((a, b) => a.load - b.load).find((thread) => thread.load < AT_A_TIME);
      if (free === undefined) return;
      const job = waiting.shift()!;
      try {
        free.run(job);
      } catch (error) {
        job.reject(error as Error); // arguments that no message can carry
      }
    }
  };
  return {
    transform: (image, preprocessing, view) =>
      new Promise((resolve, reject) => {
        if (closed) throw new Error("the image threads are closed");
        waiting.push({ arguments: [image, preprocessing, view], resolve, reject });
        dispatch();
      }),
    async close() {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(new Error("the image threads were closed"));
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

interface Job {
  readonly arguments: Parameters<ImageTransform>;
  readonly resolve: (pixels: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

class Thread {
  readonly #worker = newWorker();
  readonly #jobs = new Map<number, Job>();
  readonly #ended: Promise<void>;
  #failure: Error | undefined;
  #closing = false;
  #next = 0;

  constructor(onFree: () => void) {
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => {
      this.#settle(answer);
      onFree();
    });
    this.#worker.on("error", (error) => {
      this.#failure = error;
    });
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#failure ??= new Error("an image thread ended too early");
        for (const { reject } of this.#jobs.values()) reject(this.#failure);
        this.#jobs.clear();
        resolve();
      });
    });
  }

  /** Images at hand. */
  get load(): number {
    return this.#jobs.size;
  }

  run(job: Job): void {
    if (this.#failure !== undefined) {
      job.reject(this.#failure);
      return;
    }
    const id = this.#next++;
    const [image, ...rest] = job.arguments;
    // A copy: a data set may hand out the same bytes again, or a part of a whole file.
    const bytes = new Uint8Array(image.kind === "rgb" ? image.data : image.bytes);
    const own: StoredImage = image.kind === "rgb" ? { ...image, data: bytes } : { kind: "encoded", bytes };
    this.#worker.postMessage({ id, arguments: [own, ...rest] } satisfies Request, [bytes.buffer]);
    if (this.#jobs.size === 0) this.#worker.ref();
    this.#jobs.set(id, job);
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#worker.ref(); // until it has ended, or the process would be over while somebody waits here
    this.#worker.postMessage(null satisfies Request);
    await this.#ended;
  }

  #settle(answer: Answer): void {
    const { resolve, reject } = this.#jobs.get(answer.id)!;
    this.#jobs.delete(answer.id);
    if (this.#jobs.size === 0 && !this.#closing) this.#worker.unref();
    if ("pixels" in answer) resolve(answer.pixels);
    else reject(answer.isInput ? new InputError(answer.error) : new Error(answer.error));
  }
}

/** A worker that shares the count of pixels in work. */
function newWorker(): Worker {
  const [entry, options] = workerEntry(import.meta.url, "worker");
  return new Worker(entry, { ...options, workerData: { pixels: pixelsInWork.buffer } });
}
