/** @file One pass over a task's training images, collecting what statistics need. */
import type { Batch, Images, LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { concatenate } from "../tensor/concatenate.ts";
import type { AdaptedNetwork, Observation } from "./adapted-network.ts";

/** Features of a pass, and the moments of the projected inputs. */
export interface PassResult extends LabeledFeatures, Omit<Observation, "features"> {
  /** Some images spread evenly over the pass. */
  readonly excerpt: Batch;
}

/** Runs the pass with `values` as they are, and keeps `excerpt.size` of its `excerpt.of` images. */
export async function observePass(
  batches: AsyncIterable<Batch>,
  network: AdaptedNetwork,
  values: Tensors,
  excerpt: { readonly size: number; readonly of: number } = { size: 0, of: 1 },
): Promise<PassResult> {
  const collected = new FeatureCollector();
  const kept = new Excerpt(excerpt.size, excerpt.of);
  const moments: Record<string, Float32Array> = {};
  const tokens: Record<string, number> = {};
  for await (const batch of batches) {
    const seen = await network.observe(batch, values);
    collected.add(seen.features, batch);
    kept.add(batch);
    for (const [site, moment] of Object.entries(seen.moments)) {
      const sum = moments[site] ?? new Float32Array(moment.length);
      moments[site] = sum.map((value, i) => value + moment[i]!);
      tokens[site] = (tokens[site] ?? 0) + seen.tokens[site]!;
    }
  }
  return { ...collected.result(), moments, tokens, excerpt: kept.batch() };
}

/** Runs the pass under `features` and returns what that gives. */
export async function featurePass(
  batches: AsyncIterable<Batch>,
  features: (images: Images) => Promise<Float32Array>,
): Promise<LabeledFeatures> {
  const collected = new FeatureCollector();
  for await (const batch of batches) collected.add(await features(batch), batch);
  return collected.result();
}

/** Features batch by batch, to features of all. */
export class FeatureCollector {
  readonly #features: Float32Array[] = [];
  readonly #labels: number[] = [];

  add(features: Float32Array, batch: Batch): void {
    this.#features.push(features);
    for (const label of batch.labels.subarray(0, batch.count)) this.#labels.push(label);
  }

  result(): LabeledFeatures {
    const features = concatenate(Float32Array, this.#features);
    return { features, labels: Int32Array.from(this.#labels) };
  }
}

/** Images spread evenly over a pass of known length, which may come class by class. */
class Excerpt {
  readonly #of: number;
  readonly #size: number;
  readonly #images: Uint8Array[] = [];
  readonly #labels: number[] = [];
  #seen = 0;

  constructor(size: number, of: number) {
    this.#size = Math.min(size, of);
    this.#of = of;
  }

  add(batch: Batch): void {
    const bytes = batch.images.length / Math.max(batch.count, 1);
    for (let i = 0; i < batch.count; i++, this.#seen++) {
      const before = Math.floor((this.#seen * this.#size) / this.#of);
      if (Math.floor(((this.#seen + 1) * this.#size) / this.#of) === before) continue;
      this.#images.push(batch.images.slice(i * bytes, (i + 1) * bytes));
      this.#labels.push(batch.labels[i]!);
    }
  }

  batch(): Batch {
    const bytes = this.#images[0]?.length ?? 0;
    const images = new Uint8Array(bytes * this.#images.length);
    for (const [i, image] of this.#images.entries()) images.set(image, i * bytes);
    return { images, labels: Int32Array.from(this.#labels), count: this.#labels.length };
  }
}
