/**
 * @file E2-LoRA: every task changes queries, keys, values and the MLP's first layer wherever their outputs are free. After a
 * task, the directions of the outputs that its change has moved most are kept from later ones, as many as hold its energy.
 */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import { constant } from "../../graph/value.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { observePass, type PassResult } from "../../network/feature-pass.ts";
import type { Objective } from "../../network/objective.ts";
import { ownName, ownWeights } from "../../network/own-weights.ts";
import { groupShape, type LayerGroup, projectedChanges } from "../../network/projected-changes.ts";
import { concat } from "../../ops/index.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { product, transposed } from "../../tensor/linear-algebra.ts";
import { filledTensor, float32Data, type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "../method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "../parts/adapter-learner.ts";
import { atRate, TaskTraining } from "../parts/task-training.ts";
import { around, logarithmic } from "../ranges.ts";
import { GroupMemory } from "./group-memory.ts";
import { withOldLogits } from "./old-logits.ts";
import { keptRanks, outputDirections, truncated } from "./output-directions.ts";

const options = z.object({
  distillation: z
    .number()
    .min(0)
    .default(0.25)
    .describe("weight of what the network before the task says of past classes (published: 0.25)"),
  temperature: z.number().positive().default(2).describe("temperature of that (published: 2)"),
  changeRate: z.number().positive().default(1e-4).describe("learning rate of the changes"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** Low-rank adaptation by energy of outputs. Its second half, rows refitted on draws, is the head it takes. */
export const e2Lora = defineMethod({
  name: "e2-lora",
  summary:
    "changes in free directions of layers' outputs; those that hold a task's energy are kept from later ones",
  source: "Li et al., E2-LoRA, ICML 2026, arXiv 2605.27482",
  options,
  ranges: { changeRate: around(1e-4), headRate: around(5e-3), distillation: logarithmic(0.05, 2) },
  traits: adapterTraits,
  defaults: { heads: ["aligned", "rows", "lda"], drift: "none" },
  create: (context, values) => new E2Lora(context, values),
});

class E2Lora extends AdapterLearner {
  readonly #options: Options;
  readonly #groups: readonly LayerGroup[];
  /** By group's name. */
  #memory: ReadonlyMap<string, GroupMemory>;
  #weights: Tensors;
  /** Of the task in training: the network with its changes, and the one before it. */
  #networks: readonly AdaptedNetwork[] = [];
  /** What the last task has trained, until its directions are known. */
  #changes: ReadonlyMap<string, Float64Array> | undefined;

  constructor(context: MethodContext, options: Options) {
    const { backbone } = context;
    const groups = Array.from({ length: backbone.config.layers }, (_, block): LayerGroup[] => {
      const at = `blocks.${block}`;
      return [
        { name: `${at}.attention`, sites: ["query", "key", "value"].map((layer) => `${at}.${layer}`) },
        { name: `${at}.mlp`, sites: [`${at}.fc1`] },
      ];
    }).flat();
    super(context, [ownWeights(backbone, namesOf(groups)), centeredMoments(groups)]);
    this.#options = options;
    this.#groups = groups;
    this.#memory = new Map(
      groups.map((group) => [group.name, new GroupMemory(group.name, groupShape(backbone, group))]),
    );
    this.#weights = this.#weightsOf(this.#memory);
  }

  protected get values(): Tensors {
    return this.#weights;
  }

  protected async open({ classes }: TaskData): Promise<OpenTask> {
    const { distillation, temperature, changeRate, headRate } = this.#options;
    const { backbone, optimization } = this.context;
    const memory = this.#untouched();
    const weights = this.#weightsOf(memory);
    const changes = Object.fromEntries(
      this.#groups.map((group) => [`${group.name}.change`, zeroTensor(groupShape(backbone, group))]),
    );
    const kept = this.#groups.flatMap((group) => {
      const own = memory.get(group.name)!;
      if (own.rank === 0) return [];
      const columns = Float32Array.from(own.columns());
      return [
        [
          `${group.name}.kept`,
          tensor("float32", [groupShape(backbone, group)[0], own.rank], columns),
        ] as const,
      ];
    });
    const network = new AdaptedNetwork(this.context, [
      projectedChanges(backbone, this.#groups, ({ name }) => memory.get(name)!.rank),
    ]);
    const teacher = new AdaptedNetwork(this.context, [ownWeights(backbone, namesOf(this.#groups))]);
    teacher.merge(weights);
    this.#networks = [network, teacher];
    const rows = this.rows.classifier();
    const teaches = !this.untrained && distillation > 0;
    const training = new TaskTraining({
      network,
      classes,
      rows: this.rows,
      headRate,
      optimization,
      fixed: { ...weights, ...Object.fromEntries(kept) },
      direct: atRate(changeRate, changes),
      ...(teaches && {
        objective: (_: unknown, own: Objective) =>
          withOldLogits(own, { teacher, rows, temperature, weight: distillation }),
      }),
      rates: ["changeRate", "headRate"],
    });
    const fold = (): void => {
      this.#changes = new Map(
        this.#groups.map(({ name }) => {
          const change = float32Data(training.value(`${name}.change`));
          return [name, projected(change, memory.get(name)!)];
        }),
      );
      this.#memory = memory;
      this.#weights = this.#weightsOf(memory, this.#changes);
    };
    return { training, fold };
  }

  /** What is left of past tasks' directions when one more wants its share of the outputs. */
  #untouched(): ReadonlyMap<string, GroupMemory> {
    const all = this.#groups.map((group) => {
      const own = this.#memory.get(group.name)!;
      const count = own.tasks.length;
      const [out] = groupShape(this.context.backbone, group);
      const ranks = keptRanks(own.tasks, Math.floor((out * count) / (count + 1)));
      return [group.name, own.of(own.tasks.map((task, i) => truncated(task, ranks[i]!)))] as const;
    });
    return new Map(all);
  }

  /** Directions of the task's change, by what its images make of it. */
  protected override async observe(task: TaskData): Promise<LabeledFeatures | undefined> {
    const changes = this.#changes;
    this.#changes = undefined;
    if (changes === undefined) return undefined;
    const seen = await observePass(task.pass("outputs"), this.network, this.values);
    const all = this.#groups.map((group) => {
      const own = this.#memory.get(group.name)!;
      const [, width] = groupShape(this.context.backbone, group);
      const found = outputDirections(changes.get(group.name)!, covarianceOf(seen, group, width), width);
      const next = found.energies.length === 0 ? own : own.of([...own.tasks, found]);
      return [group.name, next.from(next.tensors())] as const; // as saved: a resumed run must compute the same
    });
    this.#memory = new Map(all);
    this.#weights = this.#weightsOf(this.#memory);
    this.network.merge(this.values);
    return undefined; // its features have moved by what rounding has left out: they are computed anew
  }

  protected override async release(): Promise<void> {
    const networks = this.#networks;
    this.#networks = [];
    for (const network of networks) await network.dispose();
  }

  /** W0 + Σ u aᵀ of all tasks, and a change that has no directions yet. */
  #weightsOf(
    memory: ReadonlyMap<string, GroupMemory>,
    changes?: ReadonlyMap<string, Float64Array>,
  ): Record<string, Tensor> {
    const { weights } = this.context.backbone;
    const result: Record<string, Tensor> = {};
    for (const group of this.#groups) {
      const own = memory.get(group.name)!;
      const more = changes?.get(group.name);
      const change = own.rank === 0 && more === undefined ? undefined : own.change();
      let at = 0;
      for (const site of group.sites) {
        const weight = weights[`${site}.weight`]!;
        const from = at;
        const data =
          change && weight.data.map((value, i) => value + change[from + i]! + (more?.[from + i] ?? 0));
        result[ownName(`${site}.weight`)] = data ? tensor("float32", weight.dims, data) : weight;
        at += weight.data.length;
      }
    }
    return result;
  }

  protected ownState(): Record<string, Tensor> {
    return Object.assign({}, ...[...this.#memory.values()].map((own) => own.tensors()));
  }

  protected loadOwn(state: Tensors): void {
    this.#memory = new Map([...this.#memory].map(([name, own]) => [name, own.from(state)]));
    this.#weights = this.#weightsOf(this.#memory);
    this.#changes = undefined;
  }
}

const namesOf = (groups: readonly LayerGroup[]): string[] =>
  groups.flatMap(({ sites }) => sites.map((site) => `${site}.weight`));

/** (I − K Kᵀ) C. */
function projected(change: Float32Array, memory: GroupMemory): Float64Array {
  const all = Float64Array.from(change);
  if (memory.rank === 0) return all;
  const columns = memory.columns();
  const out = columns.length / memory.rank;
  const width = change.length / out;
  const within = product(
    columns,
    memory.rank,
    product(transposed(columns, out, memory.rank), out, change, width),
    width,
  );
  return all.map((value, i) => value - within[i]!);
}

/** Watches what the groups read, with a 1 behind: moments, sums and counts in one. [in + 1, in + 1] */
const centeredMoments = (groups: readonly LayerGroup[]): Adaptation => {
  // Keys read all tokens, where the last block's queries read CLS alone.
  const watched = new Map(groups.map(({ name, sites }) => [sites[1] ?? sites[0]!, name]));
  return {
    name: `centered inputs of ${[...watched.keys()].join()}`,
    hooks: (_, watch) => ({
      linear(site, x, y) {
        const name = watched.get(site);
        if (name !== undefined) watch?.(name, concat([x, constant(filledTensor([x.dims[0]!, 1], 1))], 1));
        return y;
      },
    }),
    merging: { names: [], weights: () => ({}) }, // nothing stays
  };
};

/** Covariance of what a group reads. [in, in] */
function covarianceOf({ moments }: PassResult, { name }: LayerGroup, width: number): Float64Array {
  const sums = moments[name]!;
  const side = width + 1;
  const count = Math.max(sums[side * side - 1]!, 1);
  const mean = (i: number): number => sums[i * side + width]! / count;
  return Float64Array.from({ length: width * width }, (_, at) => {
    const [i, j] = [Math.floor(at / width), at % width];
    return sums[i * side + j]! / count - mean(i) * mean(j);
  });
}
