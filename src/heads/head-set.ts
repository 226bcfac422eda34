/** @file The heads of one model: what they keep in common, how it moves, and what each of them says. */
import * as z from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { concatenate } from "../tensor/concatenate.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ClassStatistics } from "./class-statistics.ts";
import type { AnyDrift } from "./drift/drift.ts";
import type { AnyHead, Head, HeadClassifier, OwnClassifier } from "./head.ts";

const PREFIX = "statistics.";

/** Options of the statistics that heads share. */
const statisticsOptions = z.object({
  betweenScatter: z
    .boolean()
    .default(true)
    .describe("a class seen again adds the distance of its means to the scatter"),
});

/** Options of every drift map but "none". */
const driftOptions = z.object({
  driftViews: z
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      "scrambled views of each image that the drift map is fitted on besides, two passes each (default: of ridge, 2 for tasks of " +
        "less than 400 images and 4 below 200; none of the others)",
    ),
});

/** What several heads or drift maps have in common, by who has it. */
export const SHARED_OPTIONS: Readonly<Record<string, z.ZodObject>> = {
  "heads with class statistics": statisticsOptions,
  "drift maps": driftOptions,
};

/** Scores by head, [n, classCount] each; −∞ for classes not seen. */
export type Scores = Readonly<Record<string, Float32Array>>;

/** `Head.temperature` by head: they follow from what is kept, and are saved to spare the fit. */
export type Temperatures = Readonly<Record<string, number>>;

/** Which heads a model has, and how what they keep moves. */
export interface HeadSetOptions {
  /** Width of the features. */
  readonly width: number;
  /** The first is the model's own choice. */
  readonly heads: readonly AnyHead[];
  readonly drift: AnyDrift;
  /** Values for the options of all of them (`headSetOptions`). */
  readonly options: Readonly<Record<string, unknown>>;
  /** The method's own classifier, where it trains one. */
  readonly own?: OwnClassifier | undefined;
}

/** The options that these heads and this drift map have, as one schema: a name means the same to all that have it. */
export function headSetOptions(heads: readonly AnyHead[], drift: AnyDrift): z.ZodObject {
  const shared = heads.some(({ needs }) => needs.includes("scatter")) ? statisticsOptions.shape : {};
  const moves = drift.name !== "none" && heads.some(({ followsDrift }) => followsDrift);
  const moving = moves ? [driftOptions.shape, drift.options.shape] : [];
  return z.object(Object.assign({}, shared, ...moving, ...heads.map(({ options }) => options.shape)));
}

/** Features [n, width] of the same images under two networks. */
export interface Moved {
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/** The heads of one model. */
export class HeadSet {
  readonly #options: HeadSetOptions;
  readonly #heads: ReadonlyMap<string, Head>;
  readonly #betweenScatter: boolean;
  #statistics: ClassStatistics | undefined;

  constructor(options: HeadSetOptions) {
    const { width, heads, own } = options;
    this.#options = options;
    const needs = new Set(heads.flatMap((head) => head.needs));
    if (needs.has("means") || needs.has("scatter")) {
      this.#statistics = new ClassStatistics(width, { scatter: needs.has("scatter") });
    }
    this.#betweenScatter = statisticsOptions.parse(options.options).betweenScatter;
    const context = { width, statistics: () => this.#statistics!, own: own ?? missing };
    this.#heads = new Map(
      heads.map((head) => [head.name, head.create(context, head.options.parse(options.options) as never)]),
    );
  }

  /** Names of the heads, the model's own choice first. */
  get names(): readonly string[] {
    return [...this.#heads.keys()];
  }

  /** Whether anything is kept of a task's features. */
  get remembers(): boolean {
    return this.#statistics !== undefined || [...this.#heads.values()].some((head) => head.add !== undefined);
  }

  /** Whether something is kept that should move along when the network trains. */
  get drifts(): boolean {
    const { heads, drift } = this.#options;
    const known = this.#statistics === undefined || this.#statistics.classes.length > 0;
    return drift.name !== "none" && known && heads.some(({ followsDrift }) => followsDrift);
  }

  /** How many scrambled views of each of a task's images the drift map wants to be fitted on besides. */
  driftViews(images: number): number {
    if (!this.drifts) return 0;
    const { drift, options } = this.#options;
    return driftOptions.parse(options).driftViews ?? drift.views?.(images) ?? 0;
  }

  /** Heads that are asked to follow a drift and can't. */
  get left(): readonly string[] {
    const { heads, drift } = this.#options;
    const kept = heads.filter(
      ({ needs, followsDrift }) => !followsDrift && !needs.includes("own classifier"),
    );
    return drift.name === "none" ? [] : kept.map(({ name }) => name);
  }

  /**
   * Takes a task in. `before` are the same images' features before the task trained, if it did; `views` those of further images
   * before and after, that only say how features moved.
   */
  update(after: LabeledFeatures, before: LabeledFeatures | undefined, views: readonly Moved[] = []): void {
    if (!this.remembers) return;
    const { drift, options, width } = this.#options;
    const own = [...this.#heads.values()];
    if (before !== undefined && this.drifts) {
      const values = drift.options.parse(options) as never;
      const all = [{ before: before.features, after: after.features }, ...views];
      const side = (of: keyof Moved): Float32Array =>
        concatenate(
          Float32Array,
          all.map((pair) => pair[of]),
        );
      const map = drift.fit(side("before"), side("after"), width, values);
      if (map !== undefined) {
        this.#statistics?.move(map);
        for (const head of own) head.move?.(map);
      }
    }
    this.#statistics?.add(after, { betweenScatter: this.#betweenScatter });
    for (const head of own) head.add?.(after);
    this.load(this.tensors()); // continue from what is saved: a resumed run must compute the same
  }

  /** What the heads say: all, or those of these names. features: [n, width] */
  scores(features: Float32Array, classCount: number, names: readonly string[] = this.names): Scores {
    return Object.fromEntries(
      names.map((name) => [name, this.#heads.get(name)!.scores(features, classCount)]),
    );
  }

  /** `Head.classifier` of the head of that name; undefined where it has none. */
  classifier(name: string): HeadClassifier | undefined {
    return this.#heads.get(name)?.classifier?.();
  }

  /** `Head.distances` of the first head that can tell; null without one. [n] */
  distances(features: Float32Array): Float32Array | null {
    for (const head of this.#heads.values()) {
      const distances = head.distances?.(features) ?? null;
      if (distances !== null) return distances;
    }
    return null;
  }

  /** `Head.temperature` of a head; null where it doesn't calibrate, or knows no class. */
  temperature(name: string): number | null {
    if (this.#statistics?.classes.length === 0) return null;
    return this.#heads.get(name)?.temperature?.() ?? null;
  }

  /** `temperature` of the model's own choice, by its name; nothing where that doesn't calibrate. */
  get temperatures(): Temperatures {
    const [own] = this.names;
    const fitted = own === undefined ? null : this.temperature(own);
    return fitted === null ? {} : { [own!]: fitted };
  }

  /** All that the heads keep. */
  tensors(): Record<string, Tensor> {
    const own = [...this.#heads.values()].map((head) => head.tensors?.() ?? {});
    return Object.assign(this.#statistics?.tensors(PREFIX) ?? {}, ...own);
  }

  /** What one of them would keep without the others. */
  tensorsOf(name: string): Record<string, Tensor> {
    const { needs } = this.#options.heads.find((head) => head.name === name)!;
    const shared = Object.entries(this.#statistics?.tensors(PREFIX) ?? {}).filter(
      ([tensor]) => needs.includes("scatter") || (needs.includes("means") && tensor !== `${PREFIX}scatter`),
    );
    return { ...Object.fromEntries(shared), ...this.#heads.get(name)!.tensors?.() };
  }

  /** Reads back what `tensors` gave, and `temperatures` if they are at hand; other names are left alone. */
  load(tensors: Tensors, temperatures: Temperatures = {}): void {
    if (this.#statistics !== undefined) this.#statistics = ClassStatistics.from(tensors, PREFIX);
    for (const [name, head] of this.#heads) {
      head.load?.(tensors);
      head.changed?.();
      const fitted = temperatures[name];
      if (fitted !== undefined) head.calibrate?.(fitted);
    }
  }
}

const missing: OwnClassifier = () => {
  throw new Error("heads: a head needs the method's own classifier, and there is none");
};
