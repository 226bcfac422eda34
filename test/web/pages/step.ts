/** @file One training step of a small ViT, on a device of the browser. */
import { type WebRuntimeOptions, webRuntime } from "../../../src/web/index.ts";
import { stepOn as stepOnRuntime } from "../../support/step-on.ts";

/** Loss and gradients by name, the same numbers on every device but for rounding. */
export const stepOn = (device: WebRuntimeOptions["device"]): Promise<Record<string, number[]>> =>
  stepOnRuntime(webRuntime({ device }));
