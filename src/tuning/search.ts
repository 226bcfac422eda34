/** @file Seeded random search: what each trial of a method tries, independent of how many follow. */
import type { TaskStream } from "../data/stream.ts";
import type { AnyMethod } from "../methods/method.ts";
import type { Range } from "../methods/ranges.ts";
import { methodOptionsOn } from "../run/method-options.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";

/** Values of options by name. */
export type Values = Readonly<Record<string, number | string | boolean>>;

/** Digits of a drawn number: more would only make commands long. */
const DIGITS = 3;

/** What is searched, in the order of the method's file. */
export interface SearchSpace {
  readonly ranges: Readonly<Record<string, Range>>;
  /** The method's own values of these options: the first trial. */
  readonly standard: Values;
}

/**
 * The ranges that a method declares, without options that are given anyway.
 * @param kind of stream that it is searched on
 * @throws InputError if nothing is left to search
 */
export function searchSpace(
  method: AnyMethod,
  given: readonly string[] = [],
  kind: TaskStream["kind"] = "class-incremental",
): SearchSpace {
  const declared = Object.entries(method.ranges ?? {}).flatMap(([name, range]) =>
    range === undefined ? [] : [[name, range] as const],
  );
  if (declared.length === 0) {
    throw new InputError(`method ${method.name}: declares no ranges to search; run it as it is`);
  }
  const ranges = Object.fromEntries(declared.filter(([name]) => !given.includes(name)));
  if (Object.keys(ranges).length === 0) {
    const names = declared.map(([name]) => optionText(name)).join(", ");
    throw new InputError(
      `method ${method.name}: all that could be searched is given (${names}); leave some out`,
    );
  }
  const standards = methodOptionsOn(kind, method, {}, `method ${method.name}`) as Readonly<
    Record<string, Values[string]>
  >;
  const standard = Object.fromEntries(Object.keys(ranges).map((name) => [name, standards[name]!]));
  return { ranges, standard };
}

/**
 * What the first `count` trials try. The first are the method's own values, so that a choice is never worse than these were;
 * every other value depends on seed, trial and name alone.
 */
export function trialValues({ ranges, standard }: SearchSpace, count: number, seed: number): Values[] {
  return Array.from({ length: count }, (_, trial) =>
    trial === 0
      ? standard
      : Object.fromEntries(
          Object.entries(ranges).map(([name, range]) => [
            name,
            drawn(range, Rng.at(seed, "trial", trial, name)),
          ]),
        ),
  );
}

function drawn(range: Range, rng: Rng): Values[string] {
  if (range.kind === "one of") return range.values[rng.below(range.values.length)]!;
  const { low, high } = range;
  const share = rng.uniform();
  const value = range.kind === "log" ? low * (high / low) ** share : low + (high - low) * share;
  return Math.min(high, Math.max(low, Number(value.toPrecision(DIGITS))));
}
