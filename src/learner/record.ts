/** @file What a learner keeps beside its tensors: which classes and tasks it has seen, in numbers and names. */
import * as z from "zod";

/** Of what a learner writes about itself. */
export const RECORD_VERSION = 1;

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);

/** Right answers on images of a task that were held out. */
const heldOutSchema = z.object({
  images: count,
  /** Of the model as it was kept. */
  accuracy: share,
  /** Of the same images with nothing trained and after training, where both were tried. */
  compared: z.object({ untrained: share, trained: share }).optional(),
});

const taskSchema = z.object({
  domain: z.string().nullable(),
  /** Positions of the classes that came new, and of those that were known. */
  added: z.array(count),
  updated: z.array(count),
  images: count,
  trained: z.boolean(),
  reason: z.string(),
  heldOut: heldOutSchema.nullable(),
  /** By layer, where the method tells. */
  ranks: z.record(z.string(), z.number()),
});

/** The learner's part of a model's description. */
export const recordSchema = z.object({
  version: z.literal(RECORD_VERSION),
  /** How often it has learned: the number of its state. */
  learns: count,
  /** Positions of classes that were removed. */
  removed: z.array(count),
  /** Images by position. */
  images: z.array(count),
  /** Fitted on so many held-out images: scores are divided by e^logTemperature, and what is stranger than the threshold is unknown. */
  calibration: z.object({ logTemperature: z.number(), threshold: z.number().optional(), images: count }),
  tasks: z.array(taskSchema),
});

/** A task as a learner remembers it. */
export type LearnedTask = z.infer<typeof taskSchema>;

/** What a learner keeps beside its tensors. */
export type LearnerRecord = z.infer<typeof recordSchema>;

/** Of a model that has learned nothing here; one that a run has trained has classes, and nobody counted their images. */
export const freshRecord = (classes: number): LearnerRecord => ({
  version: RECORD_VERSION,
  learns: 0,
  removed: [],
  images: new Array<number>(classes).fill(0),
  calibration: { logTemperature: 0, images: 0 },
  tasks: [],
});
