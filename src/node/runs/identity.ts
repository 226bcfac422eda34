/** @file What a data set is, so that a run goes on with the images that it began with. */
import { createHash } from "node:crypto";
import type { Dataset, Sample } from "../../data/dataset.ts";

/** Names of the classes, how many images there are, and a digest of all of them. */
export interface DataIdentity {
  readonly classNames: readonly string[];
  readonly trainImages: number;
  readonly testImages: number;
  /** SHA-256 over every sample's id, class, domain and, where the data set tells it, size. */
  readonly data: string;
}

/** Samples whose sizes are asked for at the same time. */
const AT_A_TIME = 64;

/** The identity of a data set. It does not depend on where the images lie, nor on their times. */
export async function identityOf(dataset: Dataset): Promise<DataIdentity> {
  const { classNames, domainNames, train, test } = dataset;
  const hash = createHash("sha256");
  for (const samples of [train, test]) {
    for (let start = 0; start < samples.length; start += AT_A_TIME) {
      const some = samples.slice(start, start + AT_A_TIME);
      const sizes = await Promise.all(some.map((sample) => sizeOf(dataset, sample)));
      for (const [i, { id, label, domain }] of some.entries()) {
        hash.update(`${JSON.stringify([id, classNames[label], domainNames[domain], sizes[i]])}\n`);
      }
    }
    hash.update("\n");
  }
  return {
    classNames,
    trainImages: train.length,
    testImages: test.length,
    data: hash.digest("hex"),
  };
}

/** Null where the data set does not tell sizes, or the image is not there: reading it will say so. */
async function sizeOf(dataset: Dataset, sample: Sample): Promise<number | null> {
  return (await dataset.size?.(sample).catch(() => null)) ?? null;
}
