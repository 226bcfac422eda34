/**
 * @file How well a learner tells images of classes it never learned, on CIFAR-100 with frozen features: AUROC of ten
 * known against ten unknown classes, for every way to score. `npx tsx scripts/measure-unknown.ts --data DIR`
 */
import { parseArgs } from "node:util";
import { batches } from "../src/data/loader.ts";
import { none } from "../src/heads/drift/none.ts";
import { HeadSet } from "../src/heads/head-set.ts";
import { lda } from "../src/heads/lda.ts";
import { featurePass } from "../src/network/feature-pass.ts";
import { findBackbone } from "../src/node/backbones/backbones.ts";
import { cifar100 } from "../src/node/benchmarks/cifar100.ts";
import { sharpTransform } from "../src/node/images/transform.ts";
import { featureExtractor } from "../src/node/runs/model.ts";
import { Rng } from "../src/tensor/rng.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    backbone: { type: "string", default: "vit-tiny-patch8-64" },
    train: { type: "string", default: "20" },
    test: { type: "string", default: "20" },
    draws: { type: "string", default: "20" },
  },
});
/** Known classes (as many unknown ones), and images of each that are learned. */
const SETTINGS = [
  [10, 20],
  [10, 8],
  [2, 20],
  [5, 20],
  [50, 20],
] as const;

/** Ways to score one row: the more, the likelier it is of no known class. */
const WAYS: Readonly<Record<string, (scores: Float32Array, distance: number) => number>> = {
  "one less the highest probability": (scores) =>
    1 - 1 / sum(scores.map((score) => Math.exp(score - highest(scores)))),
  distance: (_, distance) => distance,
  "margin of the highest score": (scores) => -margin(scores),
  ...Object.fromEntries(
    [0.5, 1, 2].map((share) => [
      `${share} x distance - margin`,
      (scores: Float32Array, distance: number) => share * distance - margin(scores) / d,
    ]),
  ),
};

const backbone = await findBackbone(values.backbone);
const d = backbone.config.hiddenSize;
const network = featureExtractor(backbone);
const dataset = await cifar100.open({ data: values.data, seed: 0, options: {} });
const some = (samples: typeof dataset.train, count: number) =>
  dataset.classNames.flatMap((_, label) =>
    samples.filter((sample) => sample.label === label).slice(0, count),
  );
const featuresOf = (samples: typeof dataset.train) =>
  featurePass(
    batches({
      dataset,
      samples,
      position: dataset.classNames.map((_, label) => label),
      transform: sharpTransform,
      preprocessing: backbone.preprocessing,
      batchSize: 64,
      prefetch: 64,
      onUnreadable: "fail",
    }),
    (images) => network.features(images),
  );
const train = await featuresOf(some(dataset.train, Number(values.train)));
const test = await featuresOf(some(dataset.test, Number(values.test)));
await network.dispose();
for (const [classes, images] of SETTINGS) {
  const results: Record<string, { area: number; median: number; threshold: number; found: number }[]> = {};
  for (let draw = 0; draw < Number(values.draws); draw++) {
    const order = Rng.at("unknown", draw).shuffled(dataset.classNames.map((_, label) => label));
    const known = order.slice(0, classes);
    const heads = new HeadSet({ width: d, heads: [lda], drift: none, options: {} });
    const learned = only(train, known, images);
    const [seen, unseen] = [only(test, known), only(test, order.slice(classes, 2 * classes))];
    const labels = learned.labels.map((label) => known.indexOf(label));
    heads.update({ features: learned.features, labels }, undefined);
    for (const [name, way] of Object.entries(WAYS)) {
      const [of, other] = [seen, unseen].map(({ features }) => {
        const scores = heads.scores(features, classes).lda!;
        return Array.from(heads.distances(features)!, (distance, row) =>
          way(scores.subarray(row * classes, (row + 1) * classes), distance),
        ).sort((a, b) => a - b);
      }) as [number[], number[]];
      const threshold = of[Math.floor(0.95 * of.length)]!;
      results[name] ??= [];
      results[name].push({
        area: area(other, of),
        median: of[Math.floor(of.length / 2)]!,
        threshold,
        found: other.filter((value) => value > threshold).length / other.length,
      });
    }
  }
  console.log(`${classes} known and ${classes} unknown classes, ${images} images a class learned`);
  for (const [name, all] of Object.entries(results)) {
    const text = (key: "area" | "median" | "threshold" | "found") => {
      const some = all.map((each) => each[key]);
      const mean = sum(some) / some.length;
      const spread = Math.sqrt(sum(some.map((value) => (value - mean) ** 2)) / (some.length - 1));
      return `${mean.toFixed(3)} ± ${spread.toFixed(3)}`;
    };
    console.log(
      `  ${name}: AUROC ${text("area")}; known median ${text("median")}, 95 % below ${text("threshold")}, unknown above that ${text("found")}`,
    );
  }
}

/** Rows of some labels, the first ones of each. */
function only(
  all: typeof train,
  labels: readonly number[],
  limit = Number.POSITIVE_INFINITY,
): { features: Float32Array; labels: Int32Array } {
  const rows = labels.flatMap((label) =>
    [...all.labels.keys()].filter((row) => all.labels[row] === label).slice(0, limit),
  );
  return {
    features: Float32Array.from(rows.flatMap((row) => [...all.features.subarray(row * d, (row + 1) * d)])),
    labels: Int32Array.from(rows, (row) => all.labels[row]!),
  };
}

/** Share of pairs of an unknown and a known image that are in the right order. */
function area(unknown: readonly number[], known: readonly number[]): number {
  const wins = unknown.map((one) => sum(known.map((other) => (one > other ? 1 : one === other ? 0.5 : 0))));
  return sum(wins) / known.length / unknown.length;
}

/** How far the highest score is above the mean. */
function margin(scores: Float32Array): number {
  return highest(scores) - sum(scores) / scores.length;
}

function highest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value));
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
