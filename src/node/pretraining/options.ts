/** @file Options of a pre-training, with their defaults; the command line derives its flags from them. */
import * as z from "zod";
import { imageSide } from "../../nn/bounds.ts";
import { batchCount, threadCount } from "../../run/bounds.ts";

const count = z.number().int().positive();
const share = z.number().min(0).max(1);

/** What can be chosen. */
export const pretrainingOptionsSchema = z.object({
  data: z
    .string()
    .describe("folder with class folders (or train/ and test/ with them), or with zips of such folders"),
  benchmark: z.string().optional().describe("read the folder as this benchmark's; fmlora data lists them"),
  init: z.string().optional().describe("folder of a ViT to start from; its shape is taken over"),
  teacher: z
    .string()
    .optional()
    .describe("folder of a network to learn from; without --init its weights are also where training starts"),
  start: z
    .enum(["regression", "selection", "random"])
    .default("regression")
    .describe(
      "a new network's weights: fitted to what the teacher makes of some images, selected from the teacher's, or random, as always without a teacher",
    ),
  startImages: count.default(2048).describe("training images of --start regression"),
  imageSize: imageSide.default(64).describe("input side in pixels (a new network's)"),
  patch: count.default(8).describe("side of a patch (a new network's)"),
  width: count.max(8192).default(192).describe("width of the tokens (a new network's)"),
  layers: count.max(256).default(12).describe("number of blocks (a new network's)"),
  heads: count.default(3).describe("attention heads (a new network's)"),
  epochs: count.default(10).describe("passes over the images; the learning rate falls to 0 at their end"),
  batch: batchCount.default(128).describe("images in one optimizer step"),
  microBatch: batchCount
    .optional()
    .describe("images in one run of the graph; divides --batch (default: its largest divisor up to 32)"),
  rate: z
    .number()
    .positive()
    .optional()
    .describe("highest learning rate (default: 1.5e-4 after a regression, else 1e-3)"),
  warmup: share.default(0.03).describe("share of all steps in which the rate rises"),
  weightDecay: z.number().min(0).default(0.05).describe("decay of matrices"),
  clip: z.number().positive().default(1).describe("highest norm of the gradient"),
  averageDecay: share
    .default(0)
    .describe(
      "keep a running average of the weights with this decay, such as 0.999; model/ gets it if it does better",
    ),
  labelSmoothing: share.default(0.1).describe("share of the target that is spread over all classes"),
  teacherShare: share.default(0.5).describe("share of the teacher's prediction in the target"),
  featureWeight: z.number().min(0).default(4).describe("weight of the error of the teacher's features"),
  keptPatches: count.optional().describe("patches of an image while patches are dropped (default: half)"),
  dropShare: share
    .optional()
    .describe(
      "share of all steps, from the first on, in which patches are dropped (default: 0 after a regression, else 0.6)",
    ),
  cropArea: z.number().positive().max(1).default(0.5).describe("smallest share of an image that is cropped"),
  seed: z.number().int().nonnegative().default(1993).describe("fixes everything random"),
  holdOut: count
    .optional()
    .describe("hold out so many training images a class and measure on them: for choosing settings"),
  threads: threadCount
    .default(1)
    .describe("threads of the runtime; results are equal only at the same number"),
});

/** Values of `pretrainingOptionsSchema`, as given. */
export type PretrainingOptionsInput = z.input<typeof pretrainingOptionsSchema>;
/** The same with their defaults. */
export type PretrainingSettings = z.output<typeof pretrainingOptionsSchema>;
