/** @file SLDC's training: one LoRA pair a layer, trained on every task in turn, whose features stay near those before the task. */
import * as z from "zod";
import { input } from "../graph/value.ts";
import type { AdaptedNetwork } from "../network/adapted-network.ts";
import { lowRank } from "../network/low-rank.ts";
import { type LocalClasses, localSymmetricCrossEntropy, type Objective } from "../network/objective.ts";
import { add, mul, reduceSum, reshape, scale, sqrt, sub } from "../ops/index.ts";
import { product, symmetricEigen, transposed } from "../tensor/linear-algebra.ts";
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "./method.ts";
import { adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { adaptedSites, sitesOption } from "./parts/sites.ts";
import { ValuesLearner } from "./parts/values-learner.ts";
import { around, logarithmic } from "./ranges.ts";

const options = z.object({
  rank: z.number().int().positive().default(4).describe("rank of each update (published: 4)"),
  sites: sitesOption(["query", "key", "value", "fc1", "fc2"]),
  forward: z.number().min(0).default(0.5).describe("weight of cross-entropy (published: 0.5)"),
  reverse: z
    .number()
    .min(0)
    .default(0.5)
    .describe(
      "weight of cross-entropy the other way round, from the network's answer to the label (published: 0.5)",
    ),
  distillation: z
    .number()
    .min(0)
    .default(1)
    .describe("weight of the squared distance of features from those before the task (published: 1)"),
  lengths: z
    .number()
    .min(0)
    .default(0.1)
    .describe("weight of the squared distance of their lengths (published: 0.1)"),
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B (published: 1e-4)"),
  headRate: z
    .number()
    .positive()
    .default(5e-3)
    .describe("learning rate of the classifier rows (published: 1e-3)"),
});
type Options = z.infer<typeof options>;

/** Sequential learning with drift compensation. Its second half is the drift map and the head that it takes. */
export const sldc = defineMethod({
  name: "sldc",
  summary:
    "one LoRA pair trained on every task in turn, features held near those before; statistics follow a linear map",
  source: "Rao et al., SLDC, AAAI 2026, arXiv 2511.09926",
  options,
  ranges: { basesRate: around(5e-4), headRate: around(5e-3), distillation: logarithmic(0.1, 10) },
  traits: adapterTraits,
  defaults: { heads: ["aligned", "rows", "lda"], drift: "linear" },
  create: (context, values) => new Sldc(context, values),
});

class Sldc extends ValuesLearner {
  readonly #options: Options;
  readonly #sites: readonly string[];

  constructor(context: MethodContext, options: Options) {
    const { backbone } = context;
    const { rank, basesRate, headRate } = options;
    const sites = adaptedSites(backbone.config, options.sites);
    const none = sites.map((site) => {
      const [out, width] = backbone.weights[`${site}.weight`]!.dims as [number, number];
      return { [`${site}.a`]: zeroTensor([rank, width]), [`${site}.b`]: zeroTensor([out, rank]) };
    });
    const rates = { rate: basesRate, option: "basesRate", headRate };
    super(context, [lowRank(backbone, { sites, rank })], Object.assign({}, ...none), rates);
    this.#options = options;
    this.#sites = sites;
  }

  /** A starts as the leading right singular vectors of the frozen weights, when they are first needed. */
  protected override open(task: TaskData): Promise<OpenTask> {
    if (this.untrained) {
      const { weights } = this.context.backbone;
      for (const site of this.#sites)
        this.values[`${site}.a`] = leadingInputs(weights[`${site}.weight`]!, this.#options.rank);
    }
    return super.open(task);
  }

  protected override objective(local: LocalClasses): Objective {
    const symmetric = localSymmetricCrossEntropy(local, this.#options);
    return this.untrained ? symmetric : nearFeatures(symmetric, this.network, this.#options);
  }
}

/** Rows are the leading right singular vectors of W [out, in]. [rank, in] */
function leadingInputs({ dims, data }: Tensor<"float32">, rank: number): Tensor<"float32"> {
  const [out, width] = dims as [number, number];
  const wide = out < width; // of the smaller of W Wᵀ and Wᵀ W
  const flipped = transposed(data, out, width);
  const size = wide ? out : width;
  const square = wide ? product(data, width, flipped, out) : product(flipped, out, data, width);
  const { vectors } = symmetricEigen(square, size);
  const rows = Array.from({ length: Math.min(rank, size) }, (_, i) => {
    const vector = vectors.getColumn(i);
    const row = wide ? product(vector, out, data, width) : Float64Array.from(vector);
    const length = Math.hypot(...row) || 1;
    return Array.from(row, (value) => value / length);
  });
  return tensor("float32", [rank, width], Float32Array.from(rows.flat()));
}

/** The objective, and how far features and their lengths are from those of the network before the task. */
function nearFeatures(
  objective: Objective,
  network: AdaptedNetwork,
  { distillation, lengths }: Pick<Options, "distillation" | "lengths">,
): Objective {
  return {
    name: `${objective.name}, features before ${distillation}, ${lengths}`,
    loss(features, values, imageShare) {
      const [images, d] = features.dims as [number, number];
      const before = input("before.features", "float32", [images, d]);
      const share = reshape(imageShare, [images, 1]);
      const lengthOf = (rows: typeof features) =>
        sqrt(reduceSum(mul(rows, rows), { axes: [1], keepDims: true }));
      const [gap, longer] = [sub(features, before), sub(lengthOf(features), lengthOf(before))];
      const near = scale(reduceSum(mul(mul(gap, gap), share)), distillation / d);
      const alike = scale(reduceSum(mul(mul(longer, longer), share)), lengths);
      return add(objective.loss(features, values, imageShare), add(near, alike));
    },
    async feeds(batch, micro) {
      const size = micro.images.dims[0]!;
      // While a task trains, features are those of the network before it.
      const features = await network.features({ images: micro.images.data, count: size });
      return {
        ...(await objective.feeds(batch, micro)),
        "before.features": tensor("float32", [size, features.length / size], features),
      };
    },
  };
}
