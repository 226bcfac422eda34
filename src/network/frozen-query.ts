/** @file What prompts are chosen by: features of the images at hand under the untouched network. */
import type { Value } from "../graph/value.ts";
import { tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import { AdaptedNetwork } from "./adapted-network.ts";
import type { NetworkContext } from "./context.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** A second forward pass for every image, and what its features are fed as. */
export class FrozenQuery {
  readonly #network: AdaptedNetwork;

  constructor(context: NetworkContext) {
    this.#network = new AdaptedNetwork({ ...context, features: "cls" }); // keys have the width of CLS
  }

  /** The query of each image, in a graph. [images of a run, d] */
  value(values: ParameterInputs): Value {
    return values("query", [values.images, this.#network.width]);
  }

  /** For an adaptation whose hooks use it. */
  readonly feeds: NonNullable<Adaptation["feeds"]> = async (batch) => {
    const { width } = this.#network;
    const features = await this.#network.features(batch);
    return ({ images, start, count }) => {
      const size = images.dims[0]!;
      const query = new Float32Array(size * width);
      for (let i = 0; i < size; i++) {
        const row = start + (i % count); // a run is filled up with its own images, in turn
        query.set(features.subarray(row * width, (row + 1) * width), i * width);
      }
      return { query: tensor("float32", [size, width], query) };
    };
  };

  dispose(): Promise<void> {
    return this.#network.dispose();
  }
}
