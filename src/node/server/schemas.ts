/** @file What comes in and goes out over HTTP, as schemas: requests are checked by them, and OpenAPI shows them. */
import { z } from "@hono/zod-openapi";
import { ONNX_DTYPES } from "../../export/onnx-classifier.ts";
import { EXPORT_FORMATS } from "../../export/work.ts";
import { TRAINING_WISHES } from "../../learner/training.ts";

/** Every failure: one line that says what was wrong, what was expected and what to do. */
export const problem = z.object({ error: z.string() }).openapi("Problem");

/** The name of a model, in a path. */
export const modelParameter = z.object({
  model: z.string().openapi({ param: { name: "model", in: "path" }, example: "mugs" }),
});
/** The same with a class. */
export const classParameter = modelParameter.extend({
  class: z.string().openapi({ param: { name: "class", in: "path" }, example: "cup" }),
});
/** The id of a job, in a path. */
export const jobParameter = z.object({
  job: z.string().openapi({ param: { name: "job", in: "path" } }),
});

/** What a model's file says of it. */
export const summary = z
  .object({
    name: z.string(),
    method: z.string(),
    backbone: z.string(),
    classes: z
      .array(z.string())
      .readonly()
      .openapi({ description: "in the order in which they were learned" }),
    learns: z
      .number()
      .nullable()
      .openapi({ description: "how often it has learned here; null of a run's model" }),
  })
  .openapi("Model");

const heldOut = z
  .object({
    images: z.number(),
    accuracy: z.number(),
    compared: z.object({ untrained: z.number(), trained: z.number() }).optional(),
  })
  .nullable();

/** All that a model says about itself. */
export const details = summary
  .extend({
    images: z.record(z.string(), z.number()).openapi({ description: "learned, by class" }),
    heads: z.array(z.string()).readonly(),
    stateBytes: z.number().openapi({ description: "without the backbone" }),
    backboneParameters: z.number(),
    canUndo: z.boolean(),
    similarity: z
      .array(z.array(z.number().nullable()).readonly())
      .readonly()
      .openapi({ description: "of the learns among each other: cosines of their mean features" }),
    tasks: z
      .array(
        z.object({
          domain: z.string().nullable(),
          added: z.array(z.string()).readonly(),
          updated: z.array(z.string()).readonly(),
          images: z.number(),
          trained: z.boolean(),
          reason: z.string(),
          heldOut,
          ranks: z.record(z.string(), z.number()),
        }),
      )
      .readonly(),
  })
  .openapi("ModelDetails");

/** How to answer. */
export const predictQuery = z.object({
  top: z.coerce.number().int().positive().default(3).openapi({
    description: "classes of an answer, the likeliest first",
    example: 3,
  }),
  unknownThreshold: z.coerce.number().optional().openapi({
    description: "strangeness above which an image is unknown; default: what the model's held-out images say",
  }),
});

/** Answers, in the images' order. */
export const predictions = z
  .object({
    model: z.string(),
    learns: z.number().nullable(),
    predictions: z.array(
      z.object({
        file: z.string(),
        label: z.string().nullable().openapi({ description: 'the likeliest class, or "unknown"' }),
        unknown: z.boolean(),
        classes: z.array(z.object({ className: z.string(), probability: z.number() })),
        strangeness: z.number().nullable(),
        distance: z.number().nullable(),
        error: z.string().nullable().openapi({ description: "why the image has no answer" }),
      }),
    ),
  })
  .openapi("Predictions");

/** How to learn. */
export const learnQuery = z.object({
  domain: z
    .string()
    .min(1)
    .optional()
    .openapi({ description: "what the images look like, where that is new" }),
  train: z
    .enum(TRAINING_WISHES)
    .default("auto")
    .openapi({ description: "whether the network trains: auto where held-out images say that it pays" }),
  epochs: z.coerce.number().int().positive().max(1000).optional(),
  validationShare: z.coerce.number().min(0).max(0.9).optional(),
});

/** A job. */
export const job = z
  .object({
    id: z.string(),
    model: z.string(),
    status: z.enum(["waiting", "running", "done", "failed", "cancelled"]),
    progress: z
      .object({
        phase: z.enum(["reading", "looking", "training", "checking", "classifying"]),
        done: z.number(),
        total: z.number(),
        loss: z.number().optional(),
      })
      .nullable(),
    result: z
      .object({
        added: z.array(z.string()).readonly(),
        updated: z.array(z.string()).readonly(),
        images: z.number(),
        repeated: z.number(),
        trained: z.boolean(),
        reason: z.string(),
        heldOut,
        seconds: z.number(),
      })
      .nullable(),
    error: z.string().nullable(),
  })
  .openapi("Job");

/** Names of classes after a change. */
export const classes = z.object({ classes: z.array(z.string()).readonly() }).openapi("Classes");

/** A class's other name. */
export const newName = z.object({ name: z.string().min(1).openapi({ example: "tomcat" }) });

/** In which form a model is wanted. */
export const exportQuery = z.object({
  to: z.enum(EXPORT_FORMATS),
  dtype: z.enum(ONNX_DTYPES).optional().openapi({ description: "default: fp32, and for onnx q8 as well" }),
  head: z.string().optional(),
  dropPrompts: z
    .enum(["true", "false"])
    .default("false")
    .openapi({ description: "peft and safetensors: leave prompt tokens out, which changes every answer" }),
});

/** That the server is there. */
export const health = z.object({ status: z.enum(["ok", "stopping"]), version: z.string() }).openapi("Health");
