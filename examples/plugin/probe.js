// @ts-check
/** @file A method: classifier rows on frozen features. The network is ready-made, the learning is written out. */
import { AdaptedNetwork, defineMethod, TrainedRows } from "fm-lora";
import * as z from "zod";

/** @typedef {import("fm-lora").Learner} Learner */

const options = z.object({
  probeRate: z.number().positive().default(2).describe("learning rate of the rows"),
});

export const probe = defineMethod({
  name: "probe",
  summary: "a linear classifier on frozen features, trained on every task in turn",
  source: "an example",
  options,
  traits: {
    protocol: "continual",
    grows: ["classes"],
    trains: "every task",
    trained: "nothing", // besides its classifier
    heads: "any",
    ownClassifier: true,
    precisions: ["float32", "int8"],
    forwardPasses: 1,
  },
  defaults: { heads: ["rows", "medians"], drift: "none" },
  create: (context, values) => new Probe(context, values.probeRate),
});

/** @implements {Learner} */
class Probe {
  /** @type {TrainedRows} */
  #rows;
  #network;
  #rate;
  /** @type {(() => void) | undefined} */
  #close;

  /**
   * @param {import("fm-lora").MethodContext} context
   * @param {number} rate
   */
  constructor(context, rate) {
    this.#network = new AdaptedNetwork(context);
    this.#rows = new TrainedRows(this.#network.width);
    this.#rate = rate;
  }

  get width() {
    return this.#network.width;
  }

  /** @type {import("fm-lora").OwnClassifier} */
  classify = (features, classCount) => this.#rows.scores(features, classCount);

  /** @param {readonly number[]} classes */
  plan(classes) {
    if (classes.length < 2) return "none"; // a softmax over one class has no gradient
    return this.#rows.empty ? "first" : "later";
  }

  /** @param {import("fm-lora").TaskData} task */
  async begin({ classes }) {
    if (this.plan(classes) === "none") return {};
    const { weight, bias } = this.#rows.open(classes);
    this.#close = () => this.#rows.close(classes, weight.data, bias.data);
    /** @type {import("fm-lora").Training} */
    const training = {
      size: classes.length * (this.width + 1),
      step: async (batch) => {
        const features = unit(await this.#network.features(batch), this.width);
        return step({
          features,
          labels: batch.labels,
          classes,
          weight: weight.data,
          bias: bias.data,
          rate: this.#rate,
        });
      },
      state: () => ({
        weight: { ...weight, data: weight.data.slice() },
        bias: { ...bias, data: bias.data.slice() },
      }),
      load(state) {
        weight.data.set(/** @type {Float32Array} */ (state.weight?.data));
        bias.data.set(/** @type {Float32Array} */ (state.bias?.data));
      },
    };
    return { training };
  }

  async end() {
    this.#close?.();
    this.#close = undefined;
    return undefined; // the loop computes the features that heads want
  }

  /** @param {import("fm-lora").Images} images */
  async features(images) {
    return unit(await this.#network.features(images), this.width);
  }

  state() {
    return this.#rows.tensors("head.");
  }

  /** @param {import("fm-lora").Tensors} state */
  async load(state) {
    this.#rows = TrainedRows.from(state, "head.");
  }

  dispose() {
    return this.#network.dispose();
  }
}

/**
 * Rows of length √width, so that one learning rate suits every backbone.
 * @param {Float32Array} features
 * @param {number} width
 */
function unit(features, width) {
  const scaled = features.slice();
  for (let start = 0; start < scaled.length; start += width) {
    const row = scaled.subarray(start, start + width);
    const norm = Math.hypot(...row) || 1;
    for (let i = 0; i < width; i++) row[i] = /** @type {number} */ (row[i] * Math.sqrt(width)) / norm;
  }
  return scaled;
}

/**
 * One step of gradient descent on the mean cross-entropy over the task's classes; returns the loss before it.
 * @param {{ features: Float32Array, labels: Int32Array, classes: readonly number[], weight: Float32Array, bias: Float32Array, rate: number }} values
 */
function step({ features, labels, classes, weight, bias, rate }) {
  const [count, width] = [labels.length, features.length / labels.length];
  const [dWeight, dBias] = [new Float64Array(classes.length * width), new Float64Array(classes.length)];
  let loss = 0;
  for (let n = 0; n < count; n++) {
    const row = features.subarray(n * width, (n + 1) * width);
    const logits = classes.map((_, k) =>
      row.reduce((sum, value, i) => sum + value * weight[k * width + i], bias[k]),
    );
    const highest = Math.max(...logits);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
    for (const [k, label] of classes.entries()) {
      const probability = Math.exp(logits[k] - highest) / total;
      const target = Number(label === labels[n]);
      if (target === 1) loss -= Math.log(probability) / count;
      const d = (probability - target) / count;
      dBias[k] += d;
      for (let i = 0; i < width; i++) dWeight[k * width + i] += d * row[i];
    }
  }
  for (let i = 0; i < dWeight.length; i++) weight[i] -= (rate / width) * dWeight[i];
  for (let k = 0; k < dBias.length; k++) bias[k] -= rate * dBias[k];
  return loss;
}
