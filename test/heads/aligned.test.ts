/** @file The aligned head: what it learns from draws alone. */
import { describe, expect, test } from "vitest";
import type { LabeledFeatures } from "../../src/data/dataset.ts";
import { aligned } from "../../src/heads/aligned.ts";
import { HeadSet, headSetOptions } from "../../src/heads/head-set.ts";
import { type AnyHead, DRIFTS } from "../../src/heads/index.ts";
import { lda } from "../../src/heads/lda.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";

const D = 8;
const CLASSES = 6;
const none = DRIFTS.find(({ name }) => name === "none")!;

/** Draws around centers `apart` from one another; class c is `own` times as wide in the direction c. */
function drawn(name: string, perClass: number, apart: number, own = 1): LabeledFeatures {
  const rng = Rng.at("aligned test", name);
  const labels = Int32Array.from({ length: CLASSES * perClass }, (_, i) => i % CLASSES);
  const features = [...labels].flatMap((label) => {
    const center = Rng.at("center", label);
    return Array.from(
      { length: D },
      (_, i) => 5 + apart * center.normal() + (i === label ? own : 0.5 + 0.1 * i) * rng.normal(),
    );
  });
  return { features: Float32Array.from(features), labels };
}

function learned(task: LabeledFeatures, options: Readonly<Record<string, unknown>> = {}): HeadSet {
  const heads: AnyHead[] = [aligned, lda];
  const all = headSetOptions(heads, none).parse(options);
  const set = new HeadSet({ width: D, heads, drift: none, options: all });
  set.update(task, undefined);
  return set;
}

/** Share of rows that are right, and mean cross-entropy. */
function quality(scores: Float32Array, labels: Int32Array): { accuracy: number; loss: number } {
  let [right, loss] = [0, 0];
  for (const [row, label] of labels.entries()) {
    const own = [...scores.subarray(row * CLASSES, (row + 1) * CLASSES)];
    const highest = Math.max(...own);
    right += Number(own.indexOf(highest) === label);
    loss += Math.log(own.reduce((sum, score) => sum + Math.exp(score - highest), 0)) + highest - own[label]!;
  }
  return { accuracy: right / labels.length, loss: loss / labels.length };
}

describe("draws alone make rows", () => {
  const images = drawn("test", 200, 0.8);
  const { aligned: own, lda: reference } = learned(drawn("train", 100, 0.8)).scores(images.features, CLASSES);

  test("as good as LDA where classes share one covariance", () => {
    const [found, expected] = [quality(own!, images.labels), quality(reference!, images.labels)];
    expect(expected.accuracy).toBeGreaterThan(0.7);
    expect(found.accuracy).toBeGreaterThan(expected.accuracy - 0.02);
    expect(found.loss).toBeLessThan(expected.loss + 0.05);
  });

  test("better than LDA's where they don't: training lowers the loss on new images", () => {
    const wide = drawn("wide test", 200, 0.8, 4);
    const options = { directionWeight: 0.5, alignEpochs: 20, alignRate: 0.01 };
    const trained = learned(drawn("wide", 100, 0.8, 4), options).scores(wide.features, CLASSES).aligned!;
    const start = learned(drawn("wide", 100, 0.8, 4), { ...options, alignEpochs: 0 });
    const untrained = start.scores(wide.features, CLASSES).aligned!;
    expect(quality(trained, wide.labels).loss).toBeLessThan(quality(untrained, wide.labels).loss - 0.01);
  });
});

test("without training they are LDA's rows", () => {
  const images = drawn("test", 20, 1);
  const set = learned(drawn("train", 100, 1), { alignEpochs: 0 });
  const { aligned: own, lda: reference } = set.scores(images.features, CLASSES);
  for (let row = 0; row < images.labels.length; row++) {
    const differences = (scores: Float32Array): number[] =>
      [1, 2, 3, 4, 5].map((c) => scores[row * CLASSES + c]! - scores[row * CLASSES]!);
    const [found, expected] = [differences(own!), differences(reference!)];
    const temperature = found[0]! / expected[0]!; // LDA's scores are calibrated
    for (const [i, value] of found.entries())
      expect(Math.abs(value - temperature * expected[i]!)).toBeLessThan(1e-2 + 1e-3 * Math.abs(value));
  }
});

test("the same bytes twice, and from what was saved: draws depend on nothing but what is kept", () => {
  const images = drawn("test", 20, 1);
  const [one, two] = [learned(drawn("train", 100, 1)), learned(drawn("train", 100, 1))];
  const scores = one.scores(images.features, CLASSES).aligned!;
  expect(two.scores(images.features, CLASSES).aligned!).toEqual(scores);
  expect(one.scores(images.features, CLASSES).aligned!).toEqual(scores); // asked again
  const loaded = learned(drawn("other", 20, 1));
  loaded.load(decodeSafetensors(encodeSafetensors(one.tensors()), "heads").tensors);
  expect(loaded.scores(images.features, CLASSES).aligned!).toEqual(scores);
});

test("keeps k d numbers a class besides what all heads share", () => {
  const { "aligned.directions": kept } = learned(drawn("train", 20, 1)).tensors();
  expect([kept!.dtype, kept!.dims]).toEqual(["float32", [CLASSES, 2, D]]);
});
