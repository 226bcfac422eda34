/** @file The values of a method's options on one kind of stream. */
import type { TaskStream } from "../data/stream.ts";
import type { AnyMethod } from "../methods/method.ts";
import { checked } from "./checked.ts";

/**
 * What is given, then what the method has for such streams (`MethodDefaults.domains`), then its defaults.
 * @param source where the values are from, for messages
 * @throws InputError that names the first value that is unknown or wrong
 */
export function methodOptionsOn(
  kind: TaskStream["kind"],
  { options, defaults }: Pick<AnyMethod, "options" | "defaults">,
  given: Readonly<Record<string, unknown>>,
  source: string,
): Record<string, unknown> {
  const own = kind === "domain-incremental" ? defaults.domains : {};
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  return checked(options, { ...own, ...Object.fromEntries(said) }, source);
}
