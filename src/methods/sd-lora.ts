/**
 * @file SD-LoRA: a direction a task, frozen afterwards, and magnitudes of all directions that go on training.
 * W = W0 + Σ_{s<t} α_s B_s A_s / (‖B_s‖ ‖A_s‖) + α_t B_t A_t: A_t, B_t and every α are trained.
 */
import * as z from "zod";
import type { Tensors } from "../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { initialBases } from "./parts/low-rank-bases.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { TaskPairs } from "./parts/task-pairs.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";
import { around } from "./ranges.ts";

const options = z.object({
  rank: z.number().int().positive().default(10).describe("rank of each task's direction"),
  ...siteOptions,
  firstMagnitude: z.number().positive().default(0.8).describe("magnitude that a new direction starts at"),
  resetMagnitudes: z
    .boolean()
    .default(false)
    .describe(
      "as the published code does: one magnitude a task for all layers, all set back when a task starts, which moves the network",
    ),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B"),
  magnitudeRate: z.number().positive().default(1e-3).describe("learning rate of the magnitudes"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...adapterTraits, grows: ["classes", "tasks"] };

/** Scalable decoupled low-rank adaptation. */
export const sdLora = defineMethod({
  name: "sd-lora",
  summary: "a low-rank direction a task, frozen; magnitudes of all directions go on training",
  source: "Wu et al., SD-LoRA, ICLR 2025, arXiv 2501.13198",
  options,
  ranges: { basesRate: around(5e-4), magnitudeRate: around(1e-3), headRate: around(5e-3) },
  traits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new SdLora(context, values),
});

/** Name of the magnitudes that all layers share, in the published form. */
const SHARED = "all";

class SdLora extends AdapterLearner {
  readonly #options: Options;
  readonly #sites: readonly string[];
  readonly #pairs: TaskPairs;

  constructor(context: MethodContext, options: Options) {
    const { rank, resetMagnitudes } = options;
    const sites = adaptedSites(context.backbone.config, options.sites, options.adaptLast);
    const scalesOf = (site: string): string => (resetMagnitudes ? SHARED : site);
    const pairs = new TaskPairs(context.backbone, { sites, rank, scalesOf });
    super(context, [pairs.adaptation]);
    this.#options = options;
    this.#sites = sites;
    this.#pairs = pairs;
  }

  protected get values(): Tensors {
    return this.#pairs.values;
  }

  protected async open({ classes, index }: TaskData): Promise<OpenTask> {
    const { rank, basesRate, magnitudeRate, headRate, resetMagnitudes } = this.#options;
    const { backbone, seed, optimization } = this.context;
    // A draw of its own every task: a past direction would be no new one.
    const bases = initialBases(backbone, this.#sites, rank, `${seed}/${index}`);
    const magnitudes = this.#magnitudes();
    const last = resetMagnitudes ? this.#directions(this.values) : this.values;
    const values = this.#pairs.open({ ...bases, ...magnitudes }, !this.untrained, last);
    const training = new TaskTraining({
      network: this.network,
      classes,
      rows: this.rows,
      headRate,
      optimization,
      fixed: values,
      direct: { ...atRate(basesRate, bases), ...atRate(magnitudeRate, magnitudes) },
      rates: ["basesRate", "magnitudeRate", "headRate"],
    });
    const fold = (): void => {
      const names = [...Object.keys(bases), ...Object.keys(magnitudes)];
      const trained = Object.fromEntries(names.map((name) => [name, training.value(name)]));
      this.#pairs.fold(resetMagnitudes ? trained : { ...trained, ...this.#directions(trained) });
    };
    return { training, fold };
  }

  /** Where the magnitudes of past and new directions start. */
  #magnitudes(): Record<string, Tensor> {
    const { firstMagnitude, resetMagnitudes } = this.#options;
    const names = Object.keys(this.values).filter((name) => name.endsWith(".scales"));
    return Object.fromEntries(
      names.map((name) => {
        const past = this.untrained ? [] : [...float32Data(this.values[name]!)];
        const all = [...past.map((value) => (resetMagnitudes ? firstMagnitude : value)), firstMagnitude];
        return [name, tensor("float32", [all.length], Float32Array.from(all))];
      }),
    );
  }

  /** The pairs at length 1; magnitudes of a layer's own take their length over, so that the network stays the same. */
  #directions(values: Tensors): Record<string, Tensor> {
    const all = this.#sites.map((site) => {
      const [a, b] = [unit(values[`${site}.a`]!), unit(values[`${site}.b`]!)];
      const pair = { [`${site}.a`]: a.direction, [`${site}.b`]: b.direction };
      const scales = values[`${site}.scales`];
      if (scales === undefined) return pair;
      const moved = float32Data(scales).slice();
      moved[moved.length - 1]! *= a.norm * b.norm;
      return { ...pair, [`${site}.scales`]: tensor("float32", scales.dims, moved) };
    });
    return Object.assign({}, ...all);
  }

  protected ownState(): Record<string, Tensor> {
    return this.#pairs.tensors();
  }

  protected loadOwn(state: Tensors): void {
    this.#pairs.load(state);
  }
}

/** x / ‖x‖, and ‖x‖; zero stays zero. */
function unit(x: Tensor): { readonly direction: Tensor; readonly norm: number } {
  const data = float32Data(x);
  const norm = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0)) || 1;
  return {
    direction: tensor(
      "float32",
      x.dims,
      data.map((value) => value / norm),
    ),
    norm,
  };
}
