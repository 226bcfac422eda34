/** @file Options by name: what each expects, and values checked against a schema. */
import * as z from "zod";
import { InputError, optionText } from "../tensor/errors.ts";
import { suggestion } from "./names.ts";

/** One option as JSON Schema, which zod writes: what is used of it. */
export interface JsonProperty {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly items?: { readonly enum?: readonly string[]; readonly type?: string };
  readonly minItems?: number;
  readonly maxItems?: number;
  /** One of several: a number or a word. */
  readonly anyOf?: readonly JsonProperty[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** The options of a schema by name. */
export const propertiesOf = (schema: z.ZodObject): Readonly<Record<string, JsonProperty>> =>
  z.toJSONSchema(schema, { io: "input" }).properties as Record<string, JsonProperty>;

/**
 * The values with their defaults.
 * @param source where they are from, for messages, if it is a file
 * @throws InputError that names the first one that is unknown, missing or wrong
 */
export function checked<Schema extends z.ZodObject>(
  schema: Schema,
  values: object,
  source?: string,
): z.output<Schema> {
  const result = z.strictObject(schema.shape).safeParse(values);
  if (result.success) return result.data as z.output<Schema>;
  const [issue] = result.error.issues;
  const where = source === undefined ? "" : `${source}: `;
  if (issue!.code === "unrecognized_keys") {
    const option = optionText(issue!.keys[0]!);
    const known = Object.keys(schema.shape).map((key) => optionText(key));
    throw new InputError(`${where}${option}: there is no such option${suggestion(option, known)}`);
  }
  const name = String(issue!.path[0]);
  const property = propertiesOf(schema)[name]!;
  const value = (values as Readonly<Record<string, unknown>>)[name];
  throw new InputError(
    value === undefined
      ? `${where}${optionText(name)} is missing: ${property.description ?? expectation(property)}`
      : `${where}${optionText(name, value)}: expected ${expectation(property)}`,
  );
}

/** "a whole number above 0" */
export function expectation(property: JsonProperty): string {
  const { type, enum: choices, items, minimum, exclusiveMinimum, maximum, anyOf } = property;
  if (anyOf !== undefined) return anyOf.map(expectation).join(" or ");
  if (property.const !== undefined) return property.const;
  if (choices !== undefined) return `one of: ${choices.join(", ")}`;
  if (type === "array") {
    const { minItems, maxItems } = property;
    if (minItems !== undefined && minItems === maxItems) {
      return `${minItems} values, separated by commas, each ${expectation(items ?? {})}`;
    }
    return `a list, separated by commas, of: ${items?.enum?.join(", ") ?? "values"}`;
  }
  if (type === "boolean") return "no value";
  if (type !== "integer" && type !== "number") return "a text";
  const bounds = [
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? [] : [`of at least ${minimum}`]),
    ...(maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? [] : [`at most ${maximum}`]),
  ];
  return [type === "integer" ? "a whole number" : "a number", bounds.join(" and ")]
    .filter((part) => part !== "")
    .join(" ");
}
