/** @file Images of several requests, computed together: a batch costs less than its images one by one. */
import type { Answers, Outcome } from "./calls.ts";

/** What an image's request gets. */
export interface Answered {
  readonly outcome: Outcome;
  readonly learns: number | null;
}

/** How images are put together. */
export interface BatchOptions {
  /** Computes some images. */
  readonly compute: (images: readonly Uint8Array[]) => Promise<Answers>;
  /** Milliseconds that an image waits for others where nothing is being computed. */
  readonly wait: number;
  /** Images of a batch, at most. */
  readonly most: number;
  /** Images that may wait; a request that would bring more is refused. */
  readonly room: number;
  /** Hears how large batches are. */
  readonly onBatch?: ((images: number) => void) | undefined;
}

/** No room for further images. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
}

/** One batch is decoded while the one before it is computed. */
const AT_A_TIME = 2;

interface Waiting {
  readonly image: Uint8Array;
  readonly resolve: (answered: Answered) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes images of one model, and answers each as soon as its batch is done. */
export class Batcher {
  readonly #options: BatchOptions;
  readonly #waiting: Waiting[] = [];
  #atWork = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Images that no batch has taken yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Whether something waits or is being computed. */
  get busy(): boolean {
    return this.#atWork > 0 || this.#waiting.length > 0;
  }

  /** @throws OverloadedError if too many wait already */
  answer(images: readonly Uint8Array[]): Promise<readonly Answered[]> {
    const { room } = this.#options;
    if (this.#waiting.length + images.length > room) {
      throw new OverloadedError(
        `${this.#waiting.length} images are waiting, and there is room for ${room}; send fewer, or later`,
      );
    }
    const answers = images.map(
      (image) =>
        new Promise<Answered>((resolve, reject) => void this.#waiting.push({ image, resolve, reject })),
    );
    this.#look();
    return Promise.all(answers);
  }

  #look(): void {
    const { most, wait } = this.#options;
    while (this.#atWork < AT_A_TIME && this.#waiting.length >= most) this.#start();
    if (this.#waiting.length === 0 || this.#atWork > 0 || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#atWork < AT_A_TIME && this.#waiting.length > 0) this.#start();
    }, wait);
  }

  #start(): void {
    const { most, compute, onBatch } = this.#options;
    const batch = this.#waiting.splice(0, most);
    this.#atWork++;
    onBatch?.(batch.length);
    compute(batch.map(({ image }) => image))
      .then(
        ({ outcomes, learns }) => {
          for (const [i, { resolve }] of batch.entries()) resolve({ outcome: outcomes[i]!, learns });
        },
        (error: unknown) => {
          for (const { reject } of batch) reject(error);
        },
      )
      .finally(() => {
        this.#atWork--;
        // What has come meanwhile has waited long enough.
        if (this.#waiting.length > 0 && this.#atWork < AT_A_TIME && this.#timer === undefined) this.#start();
        this.#look();
      });
  }
}
