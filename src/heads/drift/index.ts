/** @file The drift maps: a new one is its file and a place here. */
import type { AnyDrift } from "./drift.ts";
import { kernel } from "./kernel.ts";
import { linear } from "./linear.ts";
import { none } from "./none.ts";
import { ridge } from "./ridge.ts";

export { type AnyDrift, type Drift, type DriftMap, defineDrift } from "./drift.ts";

/** All of them. */
export const DRIFTS: readonly AnyDrift[] = [ridge, kernel, linear, none];
