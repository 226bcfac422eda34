/** @file Looks through an opened data set: what is in it, and what would stop or distort a run. */
import { createHash } from "node:crypto";
import type { Dataset, Preprocessing, Sample, StoredImage } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { sharpTransform } from "../images/transform.ts";

/** What a look at a data set gave. */
export interface DatasetCheck {
  readonly name: string;
  readonly classes: number;
  readonly train: number;
  readonly test: number;
  readonly domains: readonly { readonly name: string; readonly train: number; readonly test: number }[];
  /** Images that were decoded. */
  readonly decoded: number;
  /** One line each: what, where, what to do. */
  readonly problems: readonly string[];
  /** Not wrong, but good to know. */
  readonly notes: readonly string[];
}

/** How thoroughly to look. */
export interface CheckOptions {
  /** Every image, not only the first one of each class, domain and part. */
  readonly decode?: boolean | undefined;
  /** Called now and then. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

const AT_ONCE = 16;
/** Images of the same name in train/ and test/ that are compared at most, unless every image is read anyway. */
const SAME_NAMES = 500;
/** A larger share of test images that are training images is a mistake; well-known sets have a few. */
const OVERLAP = 0.05;

/** Small: what is looked for is whether an image decodes, not how it looks. */
const PREPROCESSING: Preprocessing = {
  size: 32,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
  cropFraction: null,
};

/** Counts, missing classes, images that can't be read, and test images that are training images. */
export async function checkDataset(dataset: Dataset, options: CheckOptions = {}): Promise<DatasetCheck> {
  const { classNames, domainNames, train, test } = dataset;
  const thorough = options.decode === true;
  const pick = (samples: readonly Sample[]): readonly Sample[] =>
    thorough ? samples : firstOfEachClass(samples, classNames.length);
  const chosen = { train: pick(train), test: pick(test) };
  const look = new Look(dataset, chosen.train.length + chosen.test.length, options.onProgress);
  const trained = await look.at(chosen.train);
  const tested = await look.at(chosen.test);
  const overlap = overlaps(trained, tested, chosen.test.length);
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
    decoded: chosen.train.length + chosen.test.length,
    problems: [
      ...emptyClasses(dataset),
      ...look.problems,
      ...(await copies(dataset, thorough)),
      ...overlap.problems,
    ],
    notes: [...(dataset.notices ?? []), ...overlap.notes],
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

/** Reads and decodes images; what can't be is a problem. */
class Look {
  readonly problems: string[] = [];
  #done = 0;
  readonly #dataset: Dataset;
  readonly #all: number;
  readonly #onProgress: CheckOptions["onProgress"];

  constructor(dataset: Dataset, all: number, onProgress: CheckOptions["onProgress"]) {
    this.#dataset = dataset;
    this.#all = all;
    this.#onProgress = onProgress;
  }

  /** The content of each image, as a digest, and one image that has it. */
  async at(samples: readonly Sample[]): Promise<Map<string, Sample>> {
    const contents = new Map<string, Sample>();
    for (let start = 0; start < samples.length; start += AT_ONCE) {
      const some = samples.slice(start, start + AT_ONCE);
      for (const [index, found] of (await Promise.all(some.map((each) => this.#one(each)))).entries()) {
        if (found.problem !== undefined) this.problems.push(found.problem);
        else if (!contents.has(found.digest!)) contents.set(found.digest!, some[index]!);
      }
      this.#done += some.length;
      this.#onProgress?.(this.#done, this.#all);
    }
    return contents;
  }

  async #one(sample: Sample): Promise<{ readonly digest?: string; readonly problem?: string }> {
    let digest: string | undefined;
    try {
      const image = await this.#dataset.read(sample);
      digest = digestOf(image);
      await sharpTransform(image, PREPROCESSING, null);
      return { digest };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { problem: digest === undefined ? error.message : `${sample.id}: ${error.message}` };
    }
  }
}

function digestOf(image: StoredImage): string {
  const bytes = image.kind === "rgb" ? image.data : image.bytes;
  return createHash("sha1").update(bytes).digest("base64");
}

/** Test images whose bytes are those of a training image. */
function overlaps(
  train: ReadonlyMap<string, Sample>,
  test: ReadonlyMap<string, Sample>,
  compared: number,
): { readonly problems: readonly string[]; readonly notes: readonly string[] } {
  const shared = [...test].filter(([digest]) => train.has(digest));
  if (shared.length === 0) return { problems: [], notes: [] };
  const [digest, sample] = shared[0]!;
  const first = `the first: ${sample.id} is ${train.get(digest)!.id}`;
  const line = `${shared.length} of ${compared.toLocaleString("en")} test images looked at are training images, byte by byte (${first})`;
  return shared.length > OVERLAP * compared
    ? { problems: [`${line}; take them out of one part, or fetch the data again`], notes: [] }
    : { problems: [], notes: [line] };
}

/** Images that lie in train/ and in test/ under the same name with the same bytes. */
async function copies(dataset: Dataset, thorough: boolean): Promise<string[]> {
  const trained = new Map(dataset.train.map((sample) => [sample.id.replace(/^train\//i, ""), sample]));
  const pairs = dataset.test.flatMap((sample) => {
    const twin = trained.get(sample.id.replace(/^test\//i, ""));
    return twin === undefined ? [] : [[twin, sample] as const];
  });
  const problems: string[] = [];
  for (const [twin, sample] of thorough ? pairs : pairs.slice(0, SAME_NAMES)) {
    const digests = await Promise.all(
      [twin, sample].map((each) => dataset.read(each).then(digestOf, () => undefined)),
    );
    if (digests[0] === undefined || digests[0] !== digests[1]) continue; // what can't be read is told elsewhere
    problems.push(`${sample.id}: the same image as ${twin.id}; remove one, or the test tells nothing`);
  }
  return problems;
}
