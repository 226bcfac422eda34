/** @file The registry: a new method is its file and one line here. */
import { fineTuning, slca } from "./all-weights.ts";
import { clLora } from "./cl-lora/cl-lora.ts";
import { codaPrompt } from "./coda-prompt.ts";
import { dualPrompt } from "./dualprompt.ts";
import { e2Lora } from "./e2-lora/e2-lora.ts";
import { ease } from "./ease/ease.ts";
import { ewcLora } from "./ewc-lora.ts";
import { firstTask } from "./first-task.ts";
import { fmLora } from "./fm-lora/fm-lora.ts";
import { lda, ncm } from "./frozen.ts";
import { inflora } from "./inflora/inflora.ts";
import { l2p } from "./l2p.ts";
import { linearProbe } from "./linear-probe.ts";
import { loda } from "./loda/loda.ts";
import type { AnyMethod } from "./method.ts";
import { sdLora } from "./sd-lora.ts";
import { joint, seqLora } from "./seq-lora.ts";
import { sldc } from "./sldc.ts";
import { ssiat } from "./ssiat.ts";
import { tuna } from "./tuna/tuna.ts";

export * from "./figures.ts";
export * from "./method.ts";
export * from "./ranges.ts";

/** All methods, the project's own first. */
export const METHODS: readonly AnyMethod[] = [
  fmLora,
  seqLora,
  firstTask,
  ncm,
  lda,
  linearProbe,
  l2p,
  dualPrompt,
  codaPrompt,
  inflora,
  sdLora,
  ewcLora,
  loda,
  e2Lora,
  ease,
  clLora,
  tuna,
  ssiat,
  sldc,
  slca,
  fineTuning,
  joint,
];
