/** @file The registry: a new method is its file and one line here. */
import { fmLora } from "./fm-lora/fm-lora.ts";
import type { Method } from "./method.ts";
import { lda, ncm } from "./ncm.ts";
import { joint, seqLora } from "./seq-lora.ts";

export * from "./method.ts";

/** All methods, the project's own first. */
export const METHODS: readonly Method[] = [fmLora, seqLora, ncm, lda, joint] as unknown as readonly Method[];
