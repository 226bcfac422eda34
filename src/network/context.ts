/** @file What every adapted network is made of. */
import type { Backbone } from "../nn/checkpoint.ts";
import type { Precision } from "../nn/precision.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Activations } from "./activations.ts";
import type { Features } from "./features.ts";

/** A frozen network, and how its graphs are run. */
export interface NetworkContext {
  readonly backbone: Backbone;
  readonly runtime: Runtime;
  /** Images per run of a graph: batches are cut into this many, the last one padded. */
  readonly microBatch: number;
  /**
   * Whether features of what full runs leave of a batch are computed image by image, in a graph for one, and not in a run
   * that is filled up: for whoever answers. In 8 bits a run is filled up all the same: its images share their scales.
   */
  readonly oneByOne?: boolean | undefined;
  /** Most bytes of features that a network remembers in memory, by image, as long as it stays as it is; none if left out. */
  readonly rememberedBytes?: number | undefined;
  /** Keeps what frozen first blocks leave of a task's images; left out, every pass begins at the images. */
  readonly activations?: Activations | undefined;
  /** Of products with frozen weights; float32 if it isn't given. */
  readonly precision?: Precision;
  /** What features are made of, unless an adaptation pools in its own way; CLS if it isn't given. */
  readonly features?: Features;
}
