/**
 * @file InfLoRA: low-rank updates of keys and values whose A is designed so that a new task moves past ones little.
 * Before a task, A = (leading directions of its inputs among those that past inputs leave free)ᵀ / √3, and stays; B is trained
 * from zero. After a task, what its inputs span joins what is avoided.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import { observePass, type PassResult } from "../../network/feature-pass.ts";
import { inputMoments } from "../../network/input-moments.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { flatten32, matrix } from "../../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "../method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "../parts/adapter-learner.ts";
import { TaskPairs } from "../parts/task-pairs.ts";
import { atRate, TaskTraining } from "../parts/task-training.ts";
import { around, uniform } from "../ranges.ts";
import { extended, freeDirections, type GradientSpace } from "./gradient-space.ts";

const share = z.number().min(0).max(1);
const options = z.object({
  rank: z.number().int().positive().default(10).describe("rank of each task's update"),
  firstEnergy: share
    .default(0.95)
    .describe("share of the inputs' energy that is protected after the first task"),
  lastEnergy: share.default(1).describe("the share it rises to over the tasks of the stream"),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of B"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...adapterTraits, grows: ["classes", "tasks"] };

/** Interference-free low-rank adaptation. */
export const inflora = defineMethod({
  name: "inflora",
  summary: "a low-rank update a task, in directions that past inputs leave free",
  source: "Liang and Li, InfLoRA, CVPR 2024, arXiv 2404.00228",
  options,
  ranges: { basesRate: around(5e-4), headRate: around(5e-3), firstEnergy: uniform(0.9, 0.99) },
  traits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new InfLora(context, values),
});

/** The block of a site: key and value of one read the same inputs, and share A. */
const blockOf = (site: string): string => site.slice(0, site.lastIndexOf("."));

class InfLora extends AdapterLearner {
  readonly #options: Options;
  readonly #blocks: readonly string[];
  readonly #sites: readonly string[];
  readonly #pairs: TaskPairs;
  /** By block. */
  #spaces: Record<string, GradientSpace> = {};

  constructor(context: MethodContext, options: Options) {
    const { config } = context.backbone;
    const blocks = Array.from({ length: config.layers }, (_, block) => `blocks.${block}`);
    const sites = blocks.flatMap((block) => [`${block}.key`, `${block}.value`]);
    const pairs = new TaskPairs(context.backbone, { sites, rank: options.rank, inputOf: blockOf });
    super(context, [pairs.adaptation, inputMoments(blocks.map((block) => `${block}.key`))]);
    this.#options = options;
    this.#blocks = blocks;
    this.#sites = sites;
    this.#pairs = pairs;
  }

  protected get values(): Tensors {
    return this.#pairs.values;
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { basesRate, headRate, rank } = this.#options;
    const seen = await observePass(task.pass("features before"), this.network, this.values);
    const width = this.context.backbone.config.hiddenSize;
    const directions = this.#blocks.map((block) => {
      const rows = freeDirections(meanMoment(seen, block, width), this.#spaces[block], rank);
      return [`${block}.a`, tensor("float32", [rank, width], flatten32(rows))] as const;
    });
    const lifts = Object.fromEntries(this.#sites.map((site) => [`${site}.b`, zeroTensor([width, rank])]));
    const fixed = this.#pairs.open({ ...Object.fromEntries(directions), ...lifts }, !this.untrained);
    const training = new TaskTraining({
      network: this.network,
      classes: task.classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed,
      direct: atRate(basesRate, lifts),
      rates: ["basesRate", "headRate"],
    });
    const fold = (): void => {
      this.#pairs.fold(Object.fromEntries(Object.keys(lifts).map((name) => [name, training.value(name)])));
    };
    return { before: { features: seen.features, labels: seen.labels }, training, fold };
  }

  /** What the task's inputs span under the new model is avoided from now on. */
  protected override async observe(task: TaskData): Promise<LabeledFeatures | undefined> {
    const seen = await observePass(task.pass("class statistics"), this.network, this.values);
    const { firstEnergy, lastEnergy } = this.#options;
    const { hiddenSize: width } = this.context.backbone.config;
    const { tasks = Number.POSITIVE_INFINITY } = this.context;
    const energy = firstEnergy + (lastEnergy - firstEnergy) * Math.min(task.index / tasks, 1);
    for (const block of this.#blocks) {
      this.#spaces[block] = extended(this.#spaces[block], meanMoment(seen, block, width), energy);
    }
    this.#loadSpaces(this.#spaceTensors()); // continue from what is saved: a resumed run must compute the same
    return { features: seen.features, labels: seen.labels };
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#pairs.tensors(), ...this.#spaceTensors() };
  }

  protected loadOwn(state: Tensors): void {
    this.#pairs.load(state);
    this.#loadSpaces(state);
  }

  /** Of one size whatever the spaces are: columns of zeros fill the bases up. */
  #spaceTensors(): Record<string, Tensor> {
    const { hiddenSize: width } = this.context.backbone.config;
    const room = Math.floor(width / 2);
    const all = this.#blocks.map((block) => {
      const space = this.#spaces[block];
      const columns = space?.basis.columns ?? 0;
      const basis = new Float32Array(width * room);
      for (let i = 0; i < width; i++)
        for (let j = 0; j < columns; j++) basis[i * room + j] = space!.basis.get(i, j);
      const shape = Int32Array.of(columns, Number(space?.kind === "retain"), Number(space !== undefined));
      return {
        [`${block}.space`]: tensor("float32", [width, room], basis),
        [`${block}.space.columns`]: tensor("int32", [3], shape),
      };
    });
    return Object.assign({}, ...all);
  }

  #loadSpaces(state: Tensors): void {
    this.#spaces = {};
    for (const block of this.#blocks) {
      const [columns, retain, known] = [...state[`${block}.space.columns`]!.data].map(Number) as [
        number,
        number,
        number,
      ];
      if (known === 0) continue;
      const stored = state[`${block}.space`]!;
      const all = matrix(stored.dims[0]!, stored.dims[1]!, float32Data(stored));
      const basis = all.subMatrixColumn(Array.from({ length: columns }, (_, column) => column));
      this.#spaces[block] = { kind: retain === 1 ? "retain" : "remove", basis };
    }
  }
}

/** (1 / n) Σ x xᵀ of what the block's attention reads. */
const meanMoment = ({ moments, tokens }: PassResult, block: string, width: number) =>
  matrix(width, width, moments[`${block}.key`]!).div(Math.max(tokens[`${block}.key`]!, 1));
