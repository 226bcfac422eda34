/** @file Looks through an opened data set: what is in it, and what would stop or distort a run. */
import type { Dataset, Preprocessing, Sample } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { sharpTransform } from "../image.ts";

/** What a look at a data set gave. */
export interface DatasetCheck {
  readonly name: string;
  readonly classes: number;
  readonly train: number;
  readonly test: number;
  readonly domains: readonly { readonly name: string; readonly train: number; readonly test: number }[];
  /** Images that were decoded. */
  readonly decoded: number;
  /** One line each, the first ones. */
  readonly problems: readonly string[];
  /** All problems, also those that are not listed. */
  readonly problemCount: number;
}

/** How thoroughly to look. */
export interface CheckOptions {
  /** Every image, not only the first one of each class. */
  readonly decode?: boolean | undefined;
  /** Called now and then. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

const LISTED = 10;
const AT_ONCE = 16;

/** Small: what is looked for is whether an image decodes, not how it looks. */
const PREPROCESSING: Preprocessing = {
  size: 32,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
  cropFraction: null,
};

/** Counts, missing cells and unreadable images of a data set. */
export async function checkDataset(dataset: Dataset, options: CheckOptions = {}): Promise<DatasetCheck> {
  const { classNames, domainNames, train, test } = dataset;
  const all = [...train, ...test];
  const chosen = options.decode === true ? all : firstOfEachClass(all, classNames.length);
  const problems = [...emptyClasses(dataset), ...(await unreadable(dataset, chosen, options.onProgress))];
  const count = (samples: readonly Sample[], domain: number): number =>
    samples.filter((sample) => sample.domain === domain).length;
  return {
    name: dataset.name,
    classes: classNames.length,
    train: train.length,
    test: test.length,
    domains: domainNames.map((name, domain) => ({
      name,
      train: count(train, domain),
      test: count(test, domain),
    })),
    decoded: chosen.length,
    problems: problems.slice(0, LISTED),
    problemCount: problems.length,
  };
}

function emptyClasses({ classNames, train, test }: Dataset): string[] {
  return Object.entries({ train, test }).flatMap(([part, samples]) => {
    const present = new Set(samples.map(({ label }) => label));
    return classNames
      .filter((_, label) => !present.has(label))
      .map((name) => `class "${name}" has no ${part} image; add some, or remove the class`);
  });
}

function firstOfEachClass(samples: readonly Sample[], classes: number): Sample[] {
  const first = new Map<number, Sample>();
  for (const sample of samples) {
    const cell = sample.domain * classes + sample.label;
    if (!first.has(cell)) first.set(cell, sample);
  }
  return [...first.values()];
}

async function unreadable(
  dataset: Dataset,
  samples: readonly Sample[],
  onProgress: CheckOptions["onProgress"],
): Promise<string[]> {
  const problems: string[] = [];
  for (let start = 0; start < samples.length; start += AT_ONCE) {
    const some = samples.slice(start, start + AT_ONCE);
    const found = await Promise.all(some.map((sample) => problemOf(dataset, sample)));
    problems.push(...found.filter((problem) => problem !== undefined));
    onProgress?.(start + some.length, samples.length);
  }
  return problems;
}

async function problemOf(dataset: Dataset, sample: Sample): Promise<string | undefined> {
  let read = false;
  try {
    const image = await dataset.read(sample);
    read = true;
    await sharpTransform(image, PREPROCESSING, null);
    return undefined;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return read ? `${sample.id}: ${error.message}` : error.message;
  }
}
