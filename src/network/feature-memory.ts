/** @file Features that were computed before: images that come again, as test images do after every task, cost nothing. */
import type { Images } from "../data/dataset.ts";
import { concatenate } from "../tensor/concatenate.ts";
import type { NetworkContext } from "./context.ts";

/** What is remembered, and how much of it. */
export interface FeatureMemoryOptions {
  /** Of one image. */
  readonly imageBytes: number;
  /** Numbers of one image's features. */
  readonly width: number;
  /** Images that are only known together: 1, or a run's where they share something, as scales in 8 bits. */
  readonly together: number;
  /** Features beyond that are forgotten, those first that were asked for longest ago. */
  readonly mostBytes: number;
}

/** Features by what a network's values are and their images' SHA-256, in memory alone: they have no way into a file. */
export class FeatureMemory {
  readonly #options: FeatureMemoryOptions;
  readonly #known = new Map<string, Float32Array>();
  /** A number for each object of values. */
  readonly #numbers = new WeakMap<object, number>();
  #numbered = 0;
  #bytes = 0;

  constructor(options: FeatureMemoryOptions) {
    this.#options = options;
  }

  /**
   * Features of a batch; those that are not known come from `compute`, which is asked once, for all of them in their order.
   * [count, width]
   * @param values what they depend on besides the images: the same object, the same values
   */
  async features(
    { images, count }: Images,
    values: object,
    compute: (images: Images) => Promise<Float32Array>,
  ): Promise<Float32Array> {
    const { imageBytes, width, together } = this.#options;
    const parts = Array.from({ length: Math.ceil(count / together) }, (_, i) =>
      images.subarray(i * together * imageBytes, Math.min((i + 1) * together, count) * imageBytes),
    );
    const number = this.#numbers.get(values) ?? ++this.#numbered;
    this.#numbers.set(values, number);
    const keys = await Promise.all(parts.map(async (part) => `${number} ${await digestOf(part)}`));
    const found = new Map<string, Float32Array>();
    const missing = new Map<string, Uint8Array>();
    for (const [i, key] of keys.entries()) {
      const known = this.#recalled(key);
      if (known === undefined) missing.set(key, parts[i]!);
      else found.set(key, known);
    }
    if (missing.size > 0) {
      const together = concatenate(Uint8Array, [...missing.values()]);
      const computed = await compute({ images: together, count: together.length / imageBytes });
      let at = 0;
      for (const [key, part] of missing) {
        const end = at + (part.length / imageBytes) * width;
        found.set(key, computed.slice(at, end));
        this.#remember(key, found.get(key)!);
        at = end;
      }
    }
    const features = new Float32Array(count * width);
    for (const [i, key] of keys.entries()) features.set(found.get(key)!, i * together * width);
    return features;
  }

  /** What was computed by a network that is another one now. */
  forget(): void {
    this.#known.clear();
    this.#bytes = 0;
  }

  #recalled(key: string): Float32Array | undefined {
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    this.#known.delete(key); // a map keeps the order of insertion: the first is the one unused for longest
    this.#known.set(key, known);
    return known;
  }

  #remember(key: string, features: Float32Array): void {
    this.#bytes += features.byteLength - (this.#known.get(key)?.byteLength ?? 0);
    this.#known.set(key, features);
    for (const [oldest, { byteLength }] of this.#known) {
      if (this.#bytes <= this.#options.mostBytes) break;
      this.#known.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}

/** The memory of a network, if its context has any. `apart`: features of an image depend on no other one of its run. */
export function featureMemory(
  { rememberedBytes: mostBytes = 0, microBatch, backbone, precision }: NetworkContext,
  { width, apart }: { readonly width: number; readonly apart: boolean },
): FeatureMemory | undefined {
  if (mostBytes === 0) return undefined;
  const together = apart && precision?.name !== "int8" ? 1 : microBatch;
  return new FeatureMemory({ imageBytes: 3 * backbone.config.imageSize ** 2, width, together, mostBytes });
}

/** By which images are known: their SHA-256. */
export async function digestOf(image: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", image.slice());
  return new Uint32Array(digest).join();
}
