/** @file Values of a grid's file: from what YAML gives to what an option's schema reads, and to command-line words. */
import type { JsonProperty } from "../run/checked.ts";
import { InputError } from "../tensor/errors.ts";
import type { GridOption } from "./table.ts";

/** One value of an option. */
export type Value = string | number | boolean | readonly (string | number)[];
/** Options of one cell by flag. */
export type Settings = Readonly<Record<string, Value>>;

/**
 * The values that an entry of the file stands for: a list is crossed, and a list in it is one value.
 * @throws InputError if it is no value
 */
export function valuesOf(flag: string, raw: unknown, where: string): Value[] {
  if (!Array.isArray(raw)) return [single(flag, raw, where)];
  if (raw.length === 0)
    throw new InputError(`${where}: ${flag} is an empty list; give a value, or leave it out`);
  return raw.map((item) =>
    Array.isArray(item) ? item.map((part) => word(flag, part, where)) : single(flag, item, where),
  );
}

function single(flag: string, raw: unknown, where: string): Value {
  if (typeof raw === "string" || typeof raw === "number" || typeof raw === "boolean") return raw;
  const found = raw === null || raw === undefined ? "has no value" : "is a mapping";
  throw new InputError(`${where}: ${flag} ${found}; expected a value, or a list of values`);
}

function word(flag: string, raw: unknown, where: string): string | number {
  if (typeof raw === "string" || typeof raw === "number") return raw;
  throw new InputError(`${where}: ${flag}: a list in a list is one value, of words or numbers`);
}

/** A value as an option's schema reads it: "query,value" as a list, 2024 as a text where a text is expected. */
export function typedValue({ property }: GridOption, value: Value): unknown {
  if (property.type === "array") {
    const parts = Array.isArray(value) ? value : String(value).split(",");
    const numeric = property.items?.type === "number" || property.items?.type === "integer";
    return parts.map((part) => (numeric ? numberOr(part) : String(part).trim()));
  }
  return isText(property) && typeof value === "number" ? String(value) : value;
}

const isText = ({ type, enum: choices, anyOf }: JsonProperty): boolean =>
  type === "string" && choices === undefined && anyOf === undefined;

function numberOr(part: string | number): string | number {
  const number = Number(part);
  return String(part).trim() === "" || Number.isNaN(number) ? part : number;
}

/** "--rank=8", "--no-prompts": what a user would type. */
export function wordOf(flag: string, value: Value): string {
  if (typeof value === "boolean") return value ? `--${flag}` : `--no-${flag}`;
  return `--${flag}=${textOf(value)}`;
}

/** A value as a user reads it. */
export const textOf = (value: Value): string => (Array.isArray(value) ? value.join(",") : String(value));
