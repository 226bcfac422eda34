/**
 * @file DualPrompt: prefixes of attention, general ones that all tasks train and expert ones that belong to a task. A task
 * trains its own expert prefix and key; an image gets that of the key nearest to its frozen features.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import { AdaptedNetwork } from "../network/adapted-network.ts";
import { FrozenQuery } from "../network/frozen-query.ts";
import { type TaskPrefixOptions, taskPrefixes } from "../network/task-prefixes.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { filledTensor, float32Data, type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { uniformTensor } from "./parts/draws.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";

const count = z.number().int().positive();
const options = z.object({
  generalBlocks: count.default(2).describe("blocks of every twelve with a general prefix, from the first on"),
  expertBlocks: count.default(3).describe("blocks of every twelve after those, with an expert prefix"),
  generalLength: count.default(5).describe("keys (and values) of a general prefix"),
  expertLength: count.default(5).describe("keys (and values) of an expert prefix"),
  pull: z.number().min(0).default(0.1).describe("weight of the term that pulls a task's key to its queries"),
  mixedPrefixes: z
    .boolean()
    .default(false)
    .describe(
      "as the published code does: keys and values mixed up over the images of a run, so answers depend on the batch",
    ),
  promptRate: z.number().positive().default(2e-3).describe("learning rate of prefixes and keys"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...adapterTraits, grows: ["classes", "tasks"], forwardPasses: 2 };

/** Complementary prompting. */
export const dualPrompt = defineMethod({
  name: "dualprompt",
  summary: "prefixes shared by all tasks, and prefixes of a task, found by a key near the frozen features",
  source: "Wang et al., DualPrompt, ECCV 2022, arXiv 2204.04799",
  options,
  traits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new DualPrompt(context, values),
});

/** Added to the cosine of a slot that may not be chosen: more than two cosines differ by. */
const FORBIDDEN = -4;

class DualPrompt extends AdapterLearner {
  readonly #options: Options;
  readonly #shape: Omit<TaskPrefixOptions, "past">;
  readonly #query: FrozenQuery;
  /** As they are between tasks. */
  readonly #kept: { values: Tensors };
  /** Of the task in training: it has a slot more. */
  #training: AdaptedNetwork | undefined;

  constructor(context: MethodContext, options: Options) {
    const shape = { ...options, ...blocksOf(context, options), mixed: options.mixedPrefixes };
    const query = new FrozenQuery(context);
    const { hiddenSize: width } = context.backbone.config;
    const draw = (name: string, dims: readonly number[]): Tensor =>
      uniformTensor(dims, 1, Rng.at(context.seed, name));
    const kept: { values: Tensors } = {
      values: {
        general: draw("general", [shape.generalBlocks, 2, shape.generalLength, width]),
        expert: draw("expert", [shape.expertBlocks, 2, shape.expertLength, width]),
        key: draw("key/0", [1, width]),
      },
    };
    super(context, [taskPrefixes(context, query, { ...shape, past: () => pastOf(kept.values) })]);
    this.#options = options;
    this.#shape = shape;
    this.#query = query;
    this.#kept = kept;
    this.network.merge(this.values);
  }

  get notes(): string[] {
    return ["the untouched network chooses the prefixes: every image takes two forward passes"];
  }

  protected get untrained(): boolean {
    return this.rows.empty;
  }

  /** Every slot may be chosen. */
  protected get values(): Tensors {
    const { values } = this.#kept;
    return { ...values, slots: zeroTensor([pastOf(values) + 1]) };
  }

  protected async open({ classes, index }: TaskData): Promise<OpenTask> {
    const { promptRate, headRate } = this.#options;
    const { values: before } = this.#kept;
    const { key, past } = this.untrained
      ? { key: before.key!, past: {} }
      : {
          key: uniformTensor(before.key!.dims, 1, Rng.at(this.context.seed, `key/${index}`)),
          past: { "past.expert": stacked(before, "expert"), "past.key": stacked(before, "key") },
        };
    // The expert prefix goes on from the last task's; a key begins anew.
    const trained = { general: before.general!, expert: before.expert!, key };
    const tasks = pastOf(past);
    const slots = filledTensor([tasks + 1], FORBIDDEN);
    slots.data[tasks] = 0;
    const network = new AdaptedNetwork(this.context, [
      taskPrefixes(this.context, this.#query, { ...this.#shape, past: () => tasks }),
    ]);
    this.#training = network;
    const training = new TaskTraining({
      network,
      classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: { ...past, slots },
      direct: atRate(promptRate, trained),
      rates: ["promptRate", "headRate"],
    });
    const fold = (): void => {
      const own = Object.keys(trained).map((name) => [name, training.value(name)]);
      this.#kept.values = { ...past, ...Object.fromEntries(own) };
    };
    return { training, fold };
  }

  /** Graphs of the old number of slots are of no use any more. */
  override async end(task: TaskData): Promise<LabeledFeatures | undefined> {
    const training = this.#training;
    this.#training = undefined;
    const features = await super.end(task);
    if (training !== undefined) {
      await training.dispose();
      await this.network.dispose();
    }
    return features;
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#kept.values };
  }

  protected loadOwn(state: Tensors): void {
    const names = ["general", "expert", "key", "past.expert", "past.key"];
    this.#kept.values = Object.fromEntries(
      names.flatMap((name) => (state[name] ? [[name, state[name]]] : [])),
    );
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#training?.dispose();
    await this.#query.dispose();
  }
}

/** How many blocks have what, of a network as deep as it is. @throws InputError if it is not deep enough */
function blocksOf(
  { backbone }: MethodContext,
  { generalBlocks, expertBlocks }: Options,
): Pick<TaskPrefixOptions, "generalBlocks" | "expertBlocks"> {
  const { layers } = backbone.config;
  const ofAll = (blocks: number): number => Math.max(Math.round((blocks * layers) / 12), 1);
  const [general, expert] = [ofAll(generalBlocks), ofAll(expertBlocks)];
  if (general + expert > layers) {
    throw new InputError(
      `${general} blocks with general and ${expert} with expert prefixes are more than the ${layers} that the backbone has; choose fewer of every twelve`,
    );
  }
  return { generalBlocks: general, expertBlocks: expert };
}

const pastOf = (values: Tensors): number => values["past.key"]?.dims[0] ?? 0;

/** What past tasks have kept, and the last task's below. [tasks, numbers of a task] */
function stacked(values: Tensors, name: string): Tensor {
  const own = float32Data(values[name]!);
  const past = values[`past.${name}`];
  const data = new Float32Array((past?.data.length ?? 0) + own.length);
  if (past !== undefined) data.set(float32Data(past));
  data.set(own, data.length - own.length);
  return tensor("float32", [data.length / own.length, own.length], data);
}
