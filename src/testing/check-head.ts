/** @file What every head must do, driven by what it says it needs and follows. */
import type { LabeledFeatures } from "../data/dataset.ts";
import { HeadSet, headSetOptions } from "../heads/head-set.ts";
import { type AnyDrift, type AnyHead, DRIFTS, type OwnClassifier } from "../heads/index.ts";
import { Rng } from "../tensor/rng.ts";
import { decodeSafetensors, encodeSafetensors } from "../tensor/safetensors.ts";
import { type Check, require, runChecks, same } from "./checks.ts";

const WIDTH = 6;
const CLASSES = 5;
/** The check's drift is large, and what it is fitted on is without much noise. */
const EXACT_DRIFT = { driftRidge: 0.01 };

/** What `checkHead` needs. */
export interface CheckHeadOptions {
  /** Of the head and of what it shares, if not their defaults. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Share of new draws from five separate classes that it must get right; chance is 0.2. */
  readonly floor?: number;
}

/** Runs all of `headChecks`. @throws CheckError with a line for each that failed */
export const checkHead = (head: AnyHead, options: CheckHeadOptions = {}): Promise<void> =>
  runChecks(`head ${head.name}`, headChecks(head, options));

/**
 * The checks of a head, on draws from five Gaussians: it learns class after class; what it saves is all that it needs;
 * answers don't depend on the batch; it knows nothing of classes it hasn't seen; and if it follows drift, it still
 * classifies when all features have moved.
 */
export function headChecks(head: AnyHead, { options = {}, floor = 0.9 }: CheckHeadOptions = {}): Check[] {
  const fresh = (drift: AnyDrift = driftNamed("ridge")): HeadSet =>
    new HeadSet({
      width: WIDTH,
      heads: [head],
      drift,
      options: headSetOptions([head], drift).parse({ ...EXACT_DRIFT, ...options }),
      own: nearestCenter,
    });
  /** The classes in three tasks; the last one brings back class 0. */
  const learn = (heads: HeadSet): HeadSet => {
    for (const [task, classes] of [
      [0, 1],
      [2, 3],
      [4, 0],
    ].entries()) {
      heads.update(drawn(`train ${task}`, classes, 40), undefined);
    }
    return heads;
  };
  const scores = (heads: HeadSet, features: Float32Array, classCount = CLASSES): Float32Array =>
    heads.scores(features, classCount)[head.name]!;
  const accuracy = (heads: HeadSet, { features, labels }: LabeledFeatures): number => {
    const own = scores(heads, features);
    const right = labels.filter(
      (label, row) => best(own.subarray(row * CLASSES, (row + 1) * CLASSES)) === label,
    );
    return right.length / labels.length;
  };
  const test = drawn("test", [0, 1, 2, 3, 4], 50);
  const checks: Check[] = [
    {
      name: `tells classes that came one after the other to ${floor} or more`,
      async run() {
        const found = accuracy(learn(fresh()), test);
        require(found >= floor, `it is right about ${found}`);
      },
    },
    {
      name: "scores each row by itself",
      async run() {
        const heads = learn(fresh());
        const all = scores(heads, test.features);
        for (let row = 0; row < 20; row++) {
          const alone = scores(heads, test.features.slice(row * WIDTH, (row + 1) * WIDTH));
          require(same(alone, all.subarray(row * CLASSES, (row + 1) * CLASSES)), `row ${row} differs alone`);
        }
      },
    },
    {
      name: "is the same from its file, and goes on the same",
      async run() {
        const heads = learn(fresh());
        const saved = encodeSafetensors(heads.tensors());
        const loaded = fresh();
        loaded.load(decodeSafetensors(saved, "head").tensors);
        require(same(scores(loaded, test.features), scores(heads, test.features)), "its scores differ");
        const more = drawn("more", [1, 2], 30);
        for (const each of [heads, loaded]) each.update(more, undefined);
        require(same(
          encodeSafetensors(loaded.tensors()),
          encodeSafetensors(heads.tensors()),
        ), "after another task its state differs");
      },
    },
    {
      name: "keeps a state whose size does not depend on the number of images",
      async run() {
        const size = (perClass: number): number => {
          const heads = fresh();
          heads.update(drawn("train", [0, 1, 2], perClass), undefined);
          return encodeSafetensors(heads.tensors()).length;
        };
        require(size(40) === size(60), `40 images a class take ${size(40)} bytes, 60 take ${size(60)}`);
      },
    },
  ];
  if (!head.needs.includes("own classifier")) {
    checks.push({
      name: "gives classes that it has not seen minus infinity",
      async run() {
        const heads = fresh();
        heads.update(drawn("train", [1, 3], 40), undefined);
        const own = scores(heads, test.features.slice(0, WIDTH), CLASSES + 2);
        const known = [...own].map((score) => score !== Number.NEGATIVE_INFINITY);
        require(known.join() === [0, 1, 0, 1, 0, 0, 0].map(Boolean).join(), `it scores ${own.join(", ")}`);
        require(own[1]! < Number.POSITIVE_INFINITY && !own.some(Number.isNaN), `it scores ${own.join(", ")}`);
      },
    });
  }
  if (head.followsDrift) {
    checks.push({
      name: "follows features that move, by the images of other classes",
      async run() {
        const [moved, left] = [learn(fresh()), learn(fresh(driftNamed("none")))];
        const task = drawn("drift", [1, 2], 200);
        const after = { ...task, features: drifted(task.features) };
        for (const heads of [moved, left]) heads.update(after, task);
        const images = { ...test, features: drifted(test.features) };
        const [with_, without] = [accuracy(moved, images), accuracy(left, images)];
        require(with_ >=
          floor, `it is right about ${with_} after the drift (${without} without compensation)`);
      },
    });
  }
  return checks;
}

const driftNamed = (name: string): AnyDrift => DRIFTS.find((drift) => drift.name === name)!;

/** Center of a class: far from the others in directions of its own. */
const center = (label: number): number[] =>
  Array.from({ length: WIDTH }, (_, k) => (k === label ? 4 : 0.5 * Math.sin(label + k)));

/** Draws around the centers of some classes, interleaved. */
function drawn(name: string, classes: readonly number[], perClass: number): LabeledFeatures {
  const rng = Rng.at("check head", name);
  const labels = Int32Array.from(
    { length: classes.length * perClass },
    (_, i) => classes[i % classes.length]!,
  );
  const features = Float32Array.from(
    labels.length === 0
      ? []
      : [...labels].flatMap((label) =>
          center(label).map((value, k) => value + (0.4 + 0.1 * k) * rng.normal()),
        ),
  );
  return { features, labels };
}

/** An affine drift: a rotation in two planes and a shift. */
function drifted(features: Float32Array): Float32Array {
  const [cos, sin] = [Math.cos(0.9), Math.sin(0.9)];
  return features.map((value, i) => {
    const [row, k] = [i - (i % WIDTH), i % WIDTH];
    const shift = 1.5 - 0.5 * k;
    if (k > 3) return value + shift;
    const other = features[row + (k ^ 1)]!;
    return cos * value + (k % 2 === 0 ? -sin : sin) * other + shift;
  });
}

/** Stands for a classifier that a method has trained. */
const nearestCenter: OwnClassifier = (features, classCount) =>
  Float32Array.from({ length: (features.length / WIDTH) * classCount }, (_, i) => {
    const [row, label] = [Math.floor(i / classCount), i % classCount];
    const own = features.subarray(row * WIDTH, (row + 1) * WIDTH);
    return -center(label).reduce((total, value, k) => total + (own[k]! - value) ** 2, 0);
  });

function best(scores: Float32Array): number {
  return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
}
