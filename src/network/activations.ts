/** @file What the frozen first blocks leave of a task's images, in half precision: kept while the task lasts. */
import type { Images } from "../data/dataset.ts";
import { fromHalf, toHalf } from "../tensor/half.ts";

/** A file that is gone once it is closed, and after a crash. */
export interface Scratch {
  /** Writes bytes behind the last ones, and returns where they are. @throws InputError where there is no room */
  append(bytes: Uint8Array): number;
  read(at: number, length: number): Uint8Array;
  close(): void;
}

/** Where activations are kept. */
export interface ActivationsOptions {
  /** Most bytes in memory. */
  readonly memoryBytes: number;
  /** Makes the file for what is beyond; without it, that is computed again every time. */
  readonly scratch?: (() => Scratch) | undefined;
}

/** Numbers by what they were made of. They have no way into a model. */
export class Activations {
  readonly #options: ActivationsOptions;
  /** Half-precision numbers, or where those are in the file; undefined between tasks. */
  #known: Map<string, Uint16Array | { readonly at: number; readonly length: number }> | undefined;
  #file: Scratch | undefined;
  #bytes = 0;
  #views: (() => AsyncIterable<Images>) | undefined;
  /** What has gone through all of them. */
  readonly #through = new Set<string>();
  #aside = 0;

  constructor(options: ActivationsOptions) {
    this.#options = options;
  }

  /** Whether a task is at work: outside of it, nothing is kept. */
  get isOpen(): boolean {
    return this.#known !== undefined && this.#aside === 0;
  }

  /** Work on other images than the task's, as if none were open: an evaluation while a task trains. */
  async aside<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#aside++;
    try {
      return await work();
    } finally {
      this.#aside--;
    }
  }

  /**
   * A task begins.
   * @param views all images that passes will come back to, in an order that nothing changes
   */
  open(views?: () => AsyncIterable<Images>): void {
    this.close();
    this.#known = new Map();
    this.#views = views;
  }

  /**
   * Keeps what `compute` makes of the task's views, many at a time, before anybody asks for one of them: in 8 bits it depends
   * on its neighbors, which are always the same here. The first time that a name comes; as long as there is room.
   * @param compute keys and numbers of some images
   */
  async fill(
    name: string,
    compute: (images: Images) => Promise<readonly (readonly [string, Float32Array])[]>,
  ): Promise<void> {
    if (this.#views === undefined || this.#through.has(name)) return;
    this.#through.add(name);
    for await (const images of this.#views()) {
      for (const [key, numbers] of await compute(images)) {
        if (this.#known?.has(key) !== true) this.#kept(key, toHalf(numbers));
        if (this.#known?.has(key) !== true) return;
      }
    }
  }

  /** A task has ended: all is forgotten. */
  close(): void {
    this.#known = undefined;
    this.#views = undefined;
    this.#through.clear();
    this.#file?.close();
    this.#file = undefined;
    this.#bytes = 0;
  }

  /**
   * The numbers of that key, rounded to half precision; those that are not there come from `compute`. These are kept where
   * nobody said which views come back; else they are random crops, of which none does.
   */
  async of(key: string, compute: () => Promise<Float32Array>): Promise<Float32Array> {
    const known = this.#known?.get(key);
    if (known !== undefined) return fromHalf(this.#read(known));
    const computed = toHalf(await compute());
    return fromHalf(this.#views === undefined ? this.#kept(key, computed) : computed);
  }

  #kept(key: string, halves: Uint16Array): Uint16Array {
    const { memoryBytes, scratch } = this.#options;
    if (this.#bytes + halves.byteLength <= memoryBytes) {
      this.#known?.set(key, halves);
      this.#bytes += halves.byteLength;
    } else if (scratch !== undefined) {
      this.#file ??= scratch();
      const at = this.#file.append(new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength));
      this.#known?.set(key, { at, length: halves.length });
    }
    return halves;
  }

  #read(known: Uint16Array | { readonly at: number; readonly length: number }): Uint16Array {
    if (known instanceof Uint16Array) return known;
    const bytes = this.#file!.read(known.at, known.length * Uint16Array.BYTES_PER_ELEMENT);
    return new Uint16Array(bytes.buffer, bytes.byteOffset, known.length);
  }
}
