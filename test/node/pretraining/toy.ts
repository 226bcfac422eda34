/** @file A small pre-training on patterns: images of 4 classes, a teacher, and options under which it takes a second. */
import { join } from "node:path";
import type { PretrainingRequest } from "../../../src/node/pretraining/pretrain.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";

/** Images and a teacher below `root`; all trainings of it end with the same weights. */
export async function toyPretraining(root: string): Promise<Omit<PretrainingRequest, "out" | "resume">> {
  return {
    checkpointMinutes: 5,
    options: {
      data: await writeToyFolder(join(root, "images"), { classes: 4, train: 12, test: 4 }),
      teacher: writeTinyBackbone(join(root, "teacher"), { width: 48 }),
      imageSize: 16,
      patch: 4,
      width: 24,
      layers: 2,
      heads: 1,
      epochs: 3,
      batch: 8,
      microBatch: 4,
      rate: 3e-3,
      averageDecay: 0.9,
      dropShare: 0.6,
      seed: 3,
    },
  };
}
