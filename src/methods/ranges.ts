/** @file Ranges of options that a search tries: what a method declares of its few hyper-parameters. */

/** Values of one option. */
export type Range =
  /** Uniform in the logarithm: for learning rates and other things that matter by ratio. */
  | { readonly kind: "log"; readonly low: number; readonly high: number }
  | { readonly kind: "uniform"; readonly low: number; readonly high: number }
  | { readonly kind: "one of"; readonly values: readonly (number | string | boolean)[] };

/** Ranges by the options' names. */
export type Ranges<Name extends string = string> = { readonly [Each in Name]?: Range };

/** From `low` to `high`, equally likely in every ratio. */
export const logarithmic = (low: number, high: number): Range => ({ kind: "log", low, high });

/** From `low` to `high`, equally likely everywhere. */
export const uniform = (low: number, high: number): Range => ({ kind: "uniform", low, high });

/** A fifth to five times what it is unless told otherwise: published rates for one task differ by about as much. */
export const around = (standard: number): Range => logarithmic(standard / 5, standard * 5);

/** "0.0001 to 0.0025, logarithmic" */
export function rangeText(range: Range): string {
  if (range.kind === "one of") return `one of ${range.values.join(", ")}`;
  const short = (value: number): string => String(Number(value.toPrecision(3)));
  return `${short(range.low)} to ${short(range.high)}${range.kind === "log" ? ", logarithmic" : ""}`;
}
