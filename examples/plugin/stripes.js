// @ts-check
/** @file A benchmark without files: each class is a direction of stripes, each image has its own width, place and noise. */
import { defineBenchmark, Rng } from "fm-lora";
import * as z from "zod";

/** Pixels of a side; every backbone resizes to its own. */
const SIDE = 32;

export const stripes = defineBenchmark({
  name: "stripes",
  kind: "class-incremental",
  tasks: 3,
  summary: "drawn stripes, a class for each direction",
  needs: "nothing",
  source: { license: "Apache-2.0" },
  usesData: false,
  options: z.object({
    classes: z.number().int().min(2).max(90).default(6).describe("how many directions"),
    images: z.number().int().min(1).default(8).describe("training images a class; half as many for testing"),
    noise: z.number().min(0).max(1).default(0.1).describe("share of random gray in every pixel"),
  }),
  async open({ options: { classes, images, noise } }) {
    const labels = Array.from({ length: classes }, (_, label) => label);
    /** @type {(part: string, count: number) => import("fm-lora").Sample[]} */
    const samples = (part, count) =>
      labels.flatMap((label) =>
        Array.from({ length: count }, (_, i) => ({ id: `${part}/${label}/${i}`, label, domain: 0 })),
      );
    return {
      name: "stripes",
      classNames: labels.map((label) => `${Math.round((180 * label) / classes)} degrees`),
      domainNames: ["drawn"],
      train: samples("train", images),
      test: samples("test", Math.ceil(images / 2)),
      augmentation: { crop: null, flip: 0 }, // mirrored stripes are another class
      read: async ({ id, label }) => drawn(id, (Math.PI * label) / classes, noise),
    };
  },
});

/**
 * One image, the same each time: what is random depends on its id alone.
 * @param {string} id
 * @param {number} angle of the stripes' normal
 * @param {number} noise
 * @returns {import("fm-lora").StoredImage}
 */
function drawn(id, angle, noise) {
  const rng = Rng.at("stripes", id);
  const [frequency, phase] = [0.6 + 0.4 * rng.uniform(), 2 * Math.PI * rng.uniform()];
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const wave = 0.5 + 0.5 * Math.sin(frequency * (x * Math.cos(angle) + y * Math.sin(angle)) + phase);
      const gray = (1 - noise) * wave + noise * rng.uniform();
      data.fill(Math.round(255 * gray), 3 * (y * SIDE + x), 3 * (y * SIDE + x + 1));
    }
  }
  return { kind: "rgb", width: SIDE, height: SIDE, data };
}
