/** @file Images that are easy to tell apart: every class has its own colors and stripes, every domain its own light. */

import type { Dataset, ImageTransform, Sample } from "../data/dataset.ts";
import { mirrored } from "../data/placement.ts";
import type { TaskStream } from "../data/stream.ts";
import { Rng } from "../tensor/rng.ts";

/** Which images there are. */
export interface PatternShape {
  readonly classes: number;
  readonly domains?: number;
  readonly trainPerClass: number;
  readonly testPerClass?: number;
  /** Side in pixels. */
  readonly size?: number;
  /** How far two images of a class differ, of 255. */
  readonly noise?: number;
}

/** RGB rows of one image; it depends on the arguments alone. [size, size, 3] */
export function patternImage(
  { label, domain, number, use }: { label: number; domain: number; number: number; use: string },
  size = 32,
  noise = 40,
): Uint8Array {
  const own = Rng.at("pattern", label);
  const colors = Array.from({ length: 6 }, () => 40 + 175 * own.uniform());
  const period = 3 + own.below(5);
  const slope = own.below(3);
  const rng = Rng.at("image", use, label, domain, number);
  const shift = rng.below(8);
  const pixels = new Uint8Array(size * size * 3);
  for (let i = 0; i < size * size; i++) {
    const along =
      slope === 0 ? i % size : slope === 1 ? Math.floor(i / size) : (i % size) + Math.floor(i / size);
    const stripe = Math.floor((along + shift) / period) % 2;
    for (let channel = 0; channel < 3; channel++) {
      const plain = colors[3 * stripe + channel]! + noise * (rng.uniform() - 0.5);
      pixels[3 * i + channel] = domain === 0 ? plain : 255 * (plain / 255) ** (1 + 0.5 * domain); // darker
    }
  }
  return pixels;
}

/** Raw images, classes interleaved in file order. */
export function patternDataset(shape: PatternShape): Dataset {
  const { classes, domains = 1, trainPerClass, testPerClass = 4, size = 32, noise } = shape;
  const samples = (use: string, count: number): Sample[] =>
    Array.from({ length: count * domains * classes }, (_, i) => {
      const label = i % classes;
      const domain = Math.floor(i / classes) % domains;
      return { id: `${use}/${domain}/${label}/${Math.floor(i / classes / domains)}`, label, domain };
    });
  return {
    name: "patterns",
    classNames: Array.from({ length: classes }, (_, label) => `class-${label}`),
    domainNames: Array.from({ length: domains }, (_, domain) => `domain-${domain}`),
    train: samples("train", trainPerClass),
    test: samples("test", testPerClass),
    async read({ id }) {
      const [use, domain, label, number] = id.split("/") as [string, string, string, string];
      const which = { use, domain: Number(domain), label: Number(label), number: Number(number) };
      return { kind: "rgb", width: size, height: size, data: patternImage(which, size, noise) };
    },
  };
}

/** Takes the rows as they are: the images have the network's size. */
export const rawTransform: ImageTransform = async (image, { size }, view) => {
  if (image.kind !== "rgb" || image.width !== size)
    throw new Error("expected raw rows of the network's size");
  return view?.flip === true ? mirrored(image.data, size) : image.data;
};

/** A stream of any tasks: their classes (stream positions are labels) and the domain their images come from. */
export function streamOf(
  dataset: Dataset,
  tasks: readonly { readonly classes: readonly number[]; readonly domain?: number }[],
): TaskStream {
  return {
    dataset,
    kind: "class-incremental",
    protocol: "class-incremental",
    classNames: dataset.classNames,
    position: dataset.classNames.map((_, label) => label),
    tasks: tasks.map(({ classes, domain = 0 }, index) => {
      const own = (sample: Sample): boolean => classes.includes(sample.label) && sample.domain === domain;
      const [train, test] = [dataset.train.filter(own), dataset.test.filter(own)];
      return { index, name: `task ${index + 1}`, classes, train, validation: [], test };
    }),
  };
}
