/** @file The patterns as a folder of small PNGs, one folder a class, and a run on them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import type { RunRequest } from "../../src/node/runs/request.ts";
import { patternImage } from "../../src/testing/patterns.ts";
import { writeTinyBackbone } from "./tiny-backbone.ts";

/** The first files of a class in such a folder. */
export const toyFiles = (root: string, use: string, label: number, count: number): string[] =>
  Array.from({ length: count }, (_, number) => join(root, use, `class-${label}`, `${number}.png`));

/** Writes DIR/{train,test}/<class>/<number>.png. */
export async function writeToyFolder(
  root: string,
  { classes, train, test }: { readonly classes: number; readonly train: number; readonly test: number },
): Promise<string> {
  for (const [use, count] of [
    ["train", train],
    ["test", test],
  ] as const) {
    for (let label = 0; label < classes; label++) {
      const folder = join(root, use, `class-${label}`);
      mkdirSync(folder, { recursive: true });
      for (let number = 0; number < count; number++) {
        const raw = { width: 32, height: 32, channels: 3 } as const;
        const pixels = patternImage({ label, domain: 0, number, use });
        writeFileSync(join(folder, `${number}.png`), await sharp(pixels, { raw }).png().toBuffer());
      }
    }
  }
  return root;
}

/** Backbone, images and a request below `root`; all runs of it have the same results. */
export async function toyRequest(root: string): Promise<Omit<RunRequest, "out" | "resume">> {
  return {
    benchmark: "folder",
    method: "fm-lora",
    methodOptions: { rank: 8 },
    data: await writeToyFolder(join(root, "images"), { classes: 6, train: 8, test: 3 }),
    backbone: writeTinyBackbone(join(root, "backbone")),
    tasks: 3,
    epochs: 4,
    batchSize: 8,
    threads: 1,
    microBatch: 4,
    seed: 5,
  };
}
