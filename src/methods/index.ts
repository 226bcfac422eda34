/** @file The registry: a new method is its file and one line here. */
import { firstTask } from "./first-task.ts";
import { fmLora } from "./fm-lora/fm-lora.ts";
import { lda, ncm } from "./frozen.ts";
import type { AnyMethod } from "./method.ts";
import { joint, seqLora } from "./seq-lora.ts";

export * from "./figures.ts";
export * from "./method.ts";

/** All methods, the project's own first. */
export const METHODS: readonly AnyMethod[] = [fmLora, seqLora, firstTask, ncm, lda, joint];
