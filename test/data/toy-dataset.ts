/** @file A small data set whose images are one color each: red is the label, green the domain, blue the number. */
import type { Dataset, Sample } from "../../src/data/dataset.ts";

export interface ToyShape {
  readonly classes: number;
  readonly domains?: number;
  readonly trainPerClass: number;
  readonly testPerClass?: number;
}

/** `trainPerClass` and `testPerClass` images for every class of every domain, classes interleaved in file order. */
export function toyDataset({ classes, domains = 1, trainPerClass, testPerClass = 1 }: ToyShape): Dataset {
  const samples = (use: string, count: number): Sample[] => {
    const result: Sample[] = [];
    for (let number = 0; number < count; number++) {
      for (let domain = 0; domain < domains; domain++) {
        for (let label = 0; label < classes; label++) {
          result.push({ id: `${use}/${domain}/${label}/${number}`, label, domain });
        }
      }
    }
    return result;
  };
  return {
    name: "toy",
    classNames: Array.from({ length: classes }, (_, label) => `class-${label}`),
    domainNames: Array.from({ length: domains }, (_, domain) => `domain-${domain}`),
    train: samples("train", trainPerClass),
    test: samples("test", testPerClass),
    async read(sample) {
      const number = Number(sample.id.split("/")[3]);
      return { kind: "rgb", width: 1, height: 1, data: Uint8Array.of(sample.label, sample.domain, number) };
    },
  };
}
