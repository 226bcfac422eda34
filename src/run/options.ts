/** @file Options of a run, with their defaults: the command line derives its flags from these descriptions. */
import * as z from "zod";
import { AUGMENTATIONS } from "../data/augmentation.ts";
import { DEFAULT_ORDER_SEED } from "../data/class-order.ts";
import { DRIFTS } from "../heads/index.ts";
import { FEATURES } from "../network/features.ts";
import { imageSide } from "../nn/bounds.ts";
import { FLOAT32_PARTS } from "../nn/precision.ts";
import { OPTIMIZERS, SCHEDULES } from "../optim/index.ts";
import { DEVICES } from "../runtime/runtime.ts";
import { optionText } from "../tensor/errors.ts";
import { batchCount, MOST_THREADS, threadCount } from "./bounds.ts";

/** How images are prepared: options that change no result, so that a resumed run may have others. */
const imageOptions = {
  workers: z
    .number()
    .int()
    .nonnegative()
    .max(MOST_THREADS)
    .optional()
    .describe("threads that prepare images (default: one for every 4 cores, 1 to 4); changes no result"),
  cache: z
    .string()
    .default("off")
    .describe("folder that keeps decoded images for further passes and runs, or off; changes no result"),
};

/** A report stays one that a browser opens at once. */
const MOST_PICTURES = 200;

const count = z.number().int().positive();
const names = <Name extends string>(table: Readonly<Record<Name, unknown>>): [Name, ...Name[]] =>
  Object.keys(table) as [Name, ...Name[]];

const driftNames = DRIFTS.map(({ name }) => name) as [string, ...string[]];

/** Options of a run, with their defaults; the command line derives its flags from these descriptions. */
export const runOptionsSchema = z.object({
  data: z.string().optional().describe("folder with the benchmark's images"),
  backbone: z
    .string()
    .default("vit-tiny-patch8-64")
    .describe("name of a shipped backbone, a folder, or organisation/name on the Hugging Face Hub"),
  imageSize: imageSide.optional().describe("input side in pixels, if not the backbone's own"),
  tasks: count.optional().describe("number of tasks (default: the benchmark's)"),
  taskLimit: count.optional().describe("learn the first so many tasks of the stream alone (default: all)"),
  initialClasses: z
    .union([z.literal("half"), count])
    .optional()
    .describe("classes of the first task, half for half of all (with `increment`)"),
  increment: count.optional().describe("classes of each further task, instead of `tasks`"),
  domains: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("domains of a domain-incremental stream, in this order (default: the benchmark's)"),
  blurry: z
    .array(z.number().min(0).max(100))
    .length(2)
    .optional()
    .describe(
      "N,M: i-Blurry; N % of the classes in one task only, of the others M % of the images in other tasks",
    ),
  seed: z.number().int().nonnegative().default(1993).describe("fixes everything random but the class order"),
  orderSeed: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(`class order (default ${DEFAULT_ORDER_SEED}; domains keep their own order)`),
  features: z
    .enum(FEATURES)
    .optional()
    .describe(
      "of images: CLS, with the patches' mean, with CLS of the block before as well; wider ones cost state (default: cls+mean, where backbone and method have both)",
    ),
  heads: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe("ways to classify, the first is reported; all for all (default: the method's)"),
  drift: z
    .enum(driftNames)
    .optional()
    .describe("how what heads keep moves along with the features (default: the method's)"),
  epochs: count.default(2).describe("epochs of each task after the first"),
  firstEpochs: count.optional().describe("epochs of the first task (default: twice the others)"),
  batchSize: batchCount.default(32).describe("images in one optimiser step"),
  optimizer: z.enum(names(OPTIMIZERS)).default("adamw").describe("optimiser of every trained array"),
  schedule: z
    .enum(names(SCHEDULES))
    .default("cosine")
    .describe("learning rate over a task; cosine warms up first"),
  weightDecay: z.number().min(0).default(0).describe("decay of all trained arrays"),
  precision: z
    .enum(["float32", "int8"])
    .default("float32")
    .describe("of products with frozen weights; int8 is faster and rounds"),
  float32Parts: z
    .array(z.enum(FLOAT32_PARTS))
    .default([])
    .describe(
      `what stays in float32 with ${optionText("precision", "int8")}, of: ${FLOAT32_PARTS.join(", ")}`,
    ),
  microBatch: batchCount
    .optional()
    .describe("images in one run of the graph (default: by the number of tokens)"),
  augmentation: z
    .enum(["benchmark", ...names(AUGMENTATIONS)])
    .default("benchmark")
    .describe("training views"),
  fixedViews: count
    .optional()
    .describe("so many views of a training image, drawn once a task (default: anew in every epoch)"),
  limitClasses: z
    .number()
    .int()
    .min(2)
    .optional()
    .describe("classes, the first in the benchmark's own order"),
  limitPerClass: count.optional().describe("training images a class, the first in file order"),
  testLimitPerClass: count.optional().describe("test images a class, the first in file order"),
  validationPerClass: count.optional().describe("of the training images, so many a class are held out"),
  evaluateOn: z
    .enum(["test", "validation"])
    .default("test")
    .describe("validation: evaluate on the held-out training images"),
  evaluate: z
    .union([z.enum(["all", "last", "none"]), count])
    .default("all")
    .describe("after which tasks accuracy is measured: every n-th and the last, all, last, none"),
  evaluateTasks: z
    .enum(["seen", "all"])
    .optional()
    .describe("test images of the tasks seen, or of all (default: seen; in a domain stream all)"),
  anytime: count
    .optional()
    .describe(
      "also measure after every so many training images, for A_AUC (default: never; with `blurry` 20 times)",
    ),
  unreadable: z
    .enum(["fail", "skip"])
    .default("fail")
    .describe("what to do with an image that cannot be decoded"),
  device: z
    .enum(DEVICES)
    .default("cpu")
    .describe("what computes; others than the processor do so in float32, and round differently"),
  threads: threadCount.optional().describe("threads of the runtime (default: all cores, at most 8)"),
  ...imageOptions,
  baseline: z
    .boolean()
    .default(true)
    .describe(
      "classification with the untrained backbone, for the report; off: left out. Changes no other result",
    ),
  reportImages: z
    .number()
    .int()
    .nonnegative()
    .max(MOST_PICTURES)
    .default(0)
    .describe(
      "so many wrong test images, the surest first, as copies in report.html: think of it before you send that on",
    ),
});

/** Values of `runOptionsSchema`, as given. */
export type RunOptionsInput = z.input<typeof runOptionsSchema>;
