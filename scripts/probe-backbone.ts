/**
 * @file How good a backbone's frozen features are: nearest class mean and a linear probe, for its model card.
 *
 *   npx tsx scripts/probe-backbone.ts BACKBONE BENCHMARK DATA [LIMIT]
 *
 * All classes (and domains) together. LIMIT: training and test images a class, the first in file order; default all.
 */
import type { Dataset, Sample } from "../src/data/dataset.ts";
import { batches } from "../src/data/loader.ts";
import type { Backbone } from "../src/nn/checkpoint.ts";
import { findBackbone } from "../src/node/backbones/backbones.ts";
import { sharpTransform } from "../src/node/images/transform.ts";
import { type FeatureExtractor, featureExtractor } from "../src/node/runs/model.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { fitTeacherHead, scaleOf, standardise } from "../src/pretraining/teacher.ts";
import { percent } from "../src/report/format.ts";
import { byName } from "../src/run/registry.ts";

const SEED = 1993;

/** Features and labels of some images. */
interface Seen {
  readonly features: Float32Array; // [n, width]
  readonly labels: Int32Array; // [n]
}

async function see(
  dataset: Dataset,
  samples: readonly Sample[],
  extractor: FeatureExtractor,
  { preprocessing, config }: Backbone,
): Promise<Seen> {
  const width = config.hiddenSize;
  const features = new Float32Array(samples.length * width);
  const position = dataset.classNames.map((_, label) => label);
  const options = { dataset, samples, position, preprocessing, transform: sharpTransform } as const;
  let done = 0;
  for await (const batch of batches({ ...options, batchSize: 64, prefetch: 128, onUnreadable: "fail" })) {
    features.set(await extractor.features(batch), done * width);
    done += batch.count;
    if (done % 6400 === 0) process.stderr.write(`${done} of ${samples.length} images\n`);
  }
  return { features, labels: Int32Array.from(samples, ({ label }) => label) };
}

function limited(samples: readonly Sample[], limit: number): Sample[] {
  const counts = new Map<number, number>();
  return samples.filter(({ label }) => {
    const before = counts.get(label) ?? 0;
    counts.set(label, before + 1);
    return before < limit;
  });
}

/** Share of the images whose highest score is that of their class. */
function accuracy({ features, labels }: Seen, scores: (own: Float32Array) => Float32Array): number {
  const width = features.length / labels.length;
  const correct = labels.reduce((sum, label, row) => {
    const all = scores(features.subarray(row * width, (row + 1) * width));
    return sum + Number(all.indexOf(Math.max(...all)) === label);
  }, 0);
  return correct / labels.length;
}

/** Cosine with each class's mean feature. */
function classMeans({ features, labels }: Seen, classes: number): (own: Float32Array) => Float32Array {
  const width = features.length / labels.length;
  const means = Array.from({ length: classes }, () => new Float64Array(width));
  for (const [row, label] of labels.entries()) {
    for (let k = 0; k < width; k++) means[label]![k]! += features[row * width + k]!;
  }
  const unit = means.map((mean) => mean.map((value) => value / Math.hypot(...mean)));
  return (own) => Float32Array.from(unit, (mean) => mean.reduce((sum, value, k) => sum + value * own[k]!, 0));
}

const [name, benchmark, data, limit = "Infinity"] = process.argv.slice(2);
if (name === undefined || benchmark === undefined || data === undefined) {
  throw new Error("usage: npx tsx scripts/probe-backbone.ts BACKBONE BENCHMARK DATA [LIMIT]");
}
const backbone = await findBackbone(name);
const dataset = await byName(REGISTRY, "benchmarks", benchmark).open({ data });
const extractor = featureExtractor(backbone, { threads: 1 });
const train = await see(dataset, limited(dataset.train, Number(limit)), extractor, backbone);
const test = await see(dataset, limited(dataset.test, Number(limit)), extractor, backbone);
await extractor.dispose();
const classes = dataset.classNames.length;
const nearest = accuracy(test, classMeans(train, classes));
const scale = scaleOf(train.features, backbone.config.hiddenSize);
standardise(train.features, scale);
standardise(test.features, scale);
const head = await fitTeacherHead(train.features, train.labels, classes, nodeRuntime({ threads: 1 }), SEED);
const probe = accuracy(test, (own) => head.predict(own));
process.stdout.write(
  `${name} on ${benchmark}: ${train.labels.length} training and ${test.labels.length} test images of ${classes} classes; ` +
    `nearest class mean (cosine) ${percent(nearest)} %, linear probe ${percent(probe)} %\n`,
);
