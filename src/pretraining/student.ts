/** @file A network in pre-training: its parameters, its compiled graphs, one optimizer step at a time. */
import type { Preprocessing, View } from "../data/dataset.ts";
import { Sessions } from "../network/sessions.ts";
import { patchCount } from "../nn/vit.ts";
import { weightFeeds } from "../nn/weights.ts";
import { clipByGlobalNorm } from "../optim/clip.ts";
import { adamw, type Optimizer, type Parameter } from "../optim/optimizer.ts";
import type { Runtime, Session, Tensors } from "../runtime/runtime.ts";
import { prefixed, withPrefix } from "../tensor/prefix.ts";
import { Rng } from "../tensor/rng.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { type DecodedImages, type PretrainingData, viewOf } from "./data.ts";
import {
  gradientOf,
  logitsGraph,
  type PretrainingNetwork,
  parameterShapes,
  pretrainingGraph,
} from "./graph.ts";
import { drawKept, dropsAt, type PretrainingPlan, rateAt } from "./plan.ts";
import { copies, initialParameters, type NetworkWeights, WeightAverage } from "./weights.ts";

/** Running averages of AdamW, for few steps: the second forgets faster than usual. */
const BETA2 = 0.98;

/** Prefix of parameters in a state. */
const PARAMETER = "parameter/";
/** Prefix of the parameters' running average. */
const AVERAGE = "average/";
const OPTIMIZER = "optimizer/";

/** The parameters in a student's state, by name. */
export function studentParameters(state: Tensors): Record<string, Tensor<"float32">> {
  return withPrefix(PARAMETER, state) as Record<string, Tensor<"float32">>;
}

/** Means over a batch. */
export interface StepResult {
  readonly crossEntropy: number;
  /** Null without a teacher. */
  readonly featureError: number | null;
  readonly gradientNorm: number;
}

/** One image of a batch. */
export interface Drawn {
  readonly index: number;
  readonly view: View | null;
}

/** The network that is trained. */
export class Student {
  readonly #network: PretrainingNetwork;
  readonly #plan: PretrainingPlan;
  readonly #preprocessing: Preprocessing;
  readonly #parameters: Record<string, Tensor<"float32">>;
  readonly #trained: readonly (Parameter & { readonly rate: 1 })[];
  readonly #gradients: Record<string, Float32Array>;
  readonly #optimizer: Optimizer;
  readonly #average: WeightAverage | null;
  readonly #sessions: Sessions;

  /**
   * @param start values of parameters; those that are missing are drawn at random
   */
  constructor(options: {
    readonly network: PretrainingNetwork;
    readonly plan: PretrainingPlan;
    readonly runtime: Runtime;
    readonly preprocessing: Preprocessing;
    readonly start: NetworkWeights;
  }) {
    const { network, plan, runtime, preprocessing, start } = options;
    this.#network = network;
    this.#plan = plan;
    this.#sessions = new Sessions(runtime);
    this.#preprocessing = preprocessing;
    this.#parameters = initialParameters(parameterShapes(network), start, plan.seed);
    this.#trained = Object.entries(this.#parameters).map(([name, { data, dims }]) => ({
      name,
      data,
      rate: 1,
      decay: dims.length === 2 ? plan.weightDecay : 0, // vectors, tokens and positions keep their size
    }));
    this.#gradients = Object.fromEntries(
      this.#trained.map(({ name, data }) => [name, new Float32Array(data.length)]),
    );
    this.#average = plan.averageDecay > 0 ? new WeightAverage(this.#parameters, plan.averageDecay) : null;
    this.#optimizer = adamw({ beta2: BETA2 });
  }

  /** Numbers that are trained. */
  get size(): number {
    return this.#trained.reduce((sum, { data }) => sum + data.length, 0);
  }

  /** The values as they are; not a copy. */
  get parameters(): NetworkWeights {
    return this.#parameters;
  }

  /** Their running average; null if there is none. Not a copy. */
  get averaged(): NetworkWeights | null {
    return this.#average?.values ?? null;
  }

  /** One optimizer step. */
  async step(
    data: PretrainingData,
    batch: readonly Drawn[],
    step: number,
    steps: number,
  ): Promise<StepResult> {
    const { microBatch, teacherWidth, config } = this.#network;
    const patches = patchCount(config);
    const kept = dropsAt(this.#plan, step, steps) ? this.#plan.keptPatches : patches;
    const session = await this.#stepSession(kept < patches ? kept : null);
    const rng = Rng.at(this.#plan.seed, "pretraining", "patches", step);
    const feeds = weightFeeds(this.#parameters);
    let crossEntropy = 0;
    let featureError = 0;
    for (let start = 0; start < batch.length; start += microBatch) {
      const own = batch.slice(start, start + microBatch);
      const inputs: Record<string, Tensor> = {
        ...feeds,
        images: this.#images(data.train, own),
        targets: this.#targets(data, own, batch.length),
        ...this.#teacherInputs(data, own, batch.length),
      };
      if (kept < patches) {
        const choice = drawKept(rng, microBatch, kept, patches);
        inputs.kept = tensor("float32", [microBatch, kept, patches], choice);
      }
      const results = await session.run(inputs);
      crossEntropy += Number(results.crossEntropy!.data[0]);
      if (teacherWidth !== null) featureError += Number(results.featureError!.data[0]);
      for (const { name } of this.#trained) {
        gather(this.#gradients[name]!, float32Data(results[gradientOf(name)]!), start === 0);
      }
    }
    const gradientNorm = clipByGlobalNorm(Object.values(this.#gradients), this.#plan.clip);
    this.#optimizer.step(this.#trained, this.#gradients, rateAt(this.#plan, step, steps));
    this.#average?.follow(this.#parameters, step);
    return { crossEntropy, featureError: teacherWidth === null ? null : featureError, gradientNorm };
  }

  /** Images that a network with these weights classifies correctly, without augmentation and with all their patches. */
  async countCorrect(images: DecodedImages, parameters: NetworkWeights): Promise<number> {
    const { microBatch, classes } = this.#network;
    const session = await this.#sessions.get("logits", () => logitsGraph(this.#network));
    const feeds = weightFeeds(parameters);
    let correct = 0;
    for (let start = 0; start < images.count; start += microBatch) {
      const length = Math.min(microBatch, images.count - start);
      const own = Array.from({ length }, (_, i) => ({ index: start + i, view: null }));
      const { logits } = await session.run({ ...feeds, images: this.#images(images, own) });
      for (const [row, { index }] of own.entries()) {
        const scores = float32Data(logits!).subarray(row * classes, (row + 1) * classes);
        if (scores.indexOf(Math.max(...scores)) === images.labels[index]) correct++;
      }
    }
    return correct;
  }

  /** Parameters, their average and the optimizer's state, as copies. */
  state(): Record<string, Tensor> {
    return {
      ...copies(this.#parameters, PARAMETER),
      ...copies(this.averaged ?? {}, AVERAGE),
      ...prefixed(OPTIMIZER, this.#optimizer.state()),
    };
  }

  /** Takes a state over. */
  load(state: Tensors): void {
    for (const { name, data } of this.#trained) data.set(float32Data(state[PARAMETER + name]!));
    for (const [name, { data }] of Object.entries(this.averaged ?? {})) {
      data.set(float32Data(state[AVERAGE + name]!));
    }
    this.#optimizer.load(withPrefix(OPTIMIZER, state));
  }

  dispose(): Promise<void> {
    return this.#sessions.dispose();
  }

  #stepSession(kept: number | null): Promise<Session> {
    const { featureWeight } = this.#plan;
    const build = () => pretrainingGraph(this.#network, { kept, featureWeight });
    return this.#sessions.get(`step ${kept}`, build, { alone: true });
  }

  /** Views of some images; the rest of the micro-batch stays black. */
  #images(images: DecodedImages, own: readonly Drawn[]): Tensor<"uint8"> {
    const { microBatch, config } = this.#network;
    const side = config.imageSize;
    const pixels = new Uint8Array(microBatch * side * side * 3);
    for (const [row, { index, view }] of own.entries()) {
      pixels.set(viewOf(images.read(index), this.#preprocessing, view), row * side * side * 3);
    }
    return tensor("uint8", [microBatch, side, side, 3], pixels);
  }

  /** Smoothed labels, mixed with the teacher's prediction. */
  #targets({ train, teacher }: PretrainingData, own: readonly Drawn[], batchSize: number): Tensor<"float32"> {
    const { microBatch, classes } = this.#network;
    const { labelSmoothing, teacherShare } = this.#plan;
    const share = teacher === null ? 0 : teacherShare;
    const targets = new Float32Array(microBatch * classes);
    for (const [row, { index }] of own.entries()) {
      const target = targets.subarray(row * classes, (row + 1) * classes);
      const prediction = share > 0 ? teacher!.predict(index) : undefined;
      for (let c = 0; c < classes; c++) {
        const label = Number(c === train.labels[index]) * (1 - labelSmoothing) + labelSmoothing / classes;
        target[c] =
          ((1 - share) * label + (prediction === undefined ? 0 : share * prediction[c]!)) / batchSize;
      }
    }
    return tensor("float32", [microBatch, classes], targets);
  }

  #teacherInputs({ teacher }: PretrainingData, own: readonly Drawn[], batchSize: number): Tensors {
    if (teacher === null) return {};
    const { microBatch } = this.#network;
    const { width, features } = teacher;
    const rows = new Float32Array(microBatch * width);
    const weight = new Float32Array(microBatch);
    for (const [row, { index }] of own.entries()) {
      rows.set(features.subarray(index * width, (index + 1) * width), row * width);
      weight[row] = 1 / batchSize;
    }
    return {
      teacher: tensor("float32", [microBatch, width], rows),
      imageWeight: tensor("float32", [microBatch, 1], weight),
    };
  }
}

/** The first micro-batch overwrites what the last step left. */
function gather(target: Float32Array, part: Float32Array, first: boolean): void {
  if (first) target.set(part);
  else for (let i = 0; i < target.length; i++) target[i]! += part[i]!;
}
