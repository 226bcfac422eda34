/** @file From a zod schema to command-line flags: what each is called, expects, and reads. */
import { Option } from "@commander-js/extra-typings";
import type * as z from "zod";
import { expectation, type JsonProperty, propertiesOf } from "../run/checked.ts";
import { flagOf } from "../run/flag.ts";
import { InputError } from "../tensor/errors.ts";
import { asTyped } from "./flags.ts";

/** One option of a schema, as a user sees it. */
export interface Setting {
  /** Key in the schema: "firstEpochs". */
  readonly name: string;
  /** "first-epochs" */
  readonly flag: string;
  readonly kind: "number" | "boolean" | "text" | "list";
  /** Words that are allowed, where only some are. */
  readonly choices: readonly string[] | undefined;
  /** Value where none is given; undefined where that depends. */
  readonly standard: unknown;
  readonly description: string;
  /** "a whole number above 0" */
  readonly expected: string;
  /** The value of what was typed. @throws InputError that says what was expected */
  read(text: string): unknown;
}

/** All options of a schema, in its order. */
export function settingsOf(schema: z.ZodObject): Setting[] {
  return Object.entries(propertiesOf(schema)).map(([name, property]) => {
    const kind = kindOf(property);
    const expected = expectation(property);
    const setting: Omit<Setting, "read"> = {
      name,
      flag: flagOf(name),
      kind,
      choices: property.enum ?? property.items?.enum,
      standard: property.default,
      description: asTyped(property.description ?? ""),
      expected,
    };
    const field = schema.shape[name] as z.ZodType;
    return {
      ...setting,
      read(text) {
        const result = field.safeParse(fromText(property, text));
        if (result.success) return result.data;
        throw new InputError(`--${setting.flag} ${JSON.stringify(text)}: expected ${expected}`);
      },
    };
  });
}

/** A default as a user would type it. */
function standardText({ kind, standard }: Pick<Setting, "kind" | "standard">): string | undefined {
  if (standard === undefined) return undefined;
  if (kind === "boolean") return standard ? "on" : "off";
  return Array.isArray(standard) ? standard.join(",") : String(standard);
}

/** "--epochs <n>", "--no-prompts" */
export function usage({ flag, kind, standard }: Pick<Setting, "flag" | "kind" | "standard">): string {
  if (kind === "boolean") return standard === true ? `--no-${flag}` : `--${flag}`;
  return `--${flag} ${kind === "number" ? "<n>" : kind === "list" ? "<list>" : "<value>"}`;
}

/** Options for parsing, hidden in the help: the value stays text until it is known whose option it is. */
export function parserOptions(settings: readonly Setting[]): Option[] {
  return settings.flatMap((setting) => {
    const flags =
      setting.kind === "boolean" ? [`--${setting.flag}`, `--no-${setting.flag}`] : [usage(setting)];
    return flags.map((flag) => new Option(flag).hideHelp());
  });
}

/** The same options as the help shows them. */
export function helpOptions(heading: string, settings: readonly Setting[]): Option[] {
  return settings.map((setting) => new Option(usage(setting), describe(setting)).helpGroup(heading));
}

/** Description with the allowed words, where it doesn't name them itself, and the default. */
export function describe(setting: Setting): string {
  const { description, choices } = setting;
  const standard = standardText(setting);
  const notes = [
    ...(choices === undefined || choices.every((choice) => description.includes(choice))
      ? []
      : [`one of: ${choices.join(", ")}`]),
    ...(standard === undefined ? [] : [`default: ${standard}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join("; ")})`;
}

/** Values of those settings that were given on the command line. */
export function given(
  settings: readonly Setting[],
  typed: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values = settings.flatMap((setting): [string, unknown][] => {
    const value = typed[camelCase(setting.flag)];
    if (value === undefined) return [];
    return [[setting.name, typeof value === "string" ? setting.read(value) : value]];
  });
  return Object.fromEntries(values);
}

/** Key that commander stores a flag under. */
export const camelCase = (flag: string): string =>
  flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function kindOf({ type }: JsonProperty): Setting["kind"] {
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean") return "boolean";
  return type === "array" ? "list" : "text";
}

/** What was typed, as the schema's own type; text where it is none of that type, which the schema then refuses. */
function fromText(property: JsonProperty, text: string): unknown {
  const kind = kindOf(property);
  if (kind === "number") return numberFrom(text);
  if (kind === "list") {
    const numbers = property.items?.type === "number" || property.items?.type === "integer";
    return text.split(",").map((part) => (numbers ? numberFrom(part) : part.trim()));
  }
  const number = numberFrom(text);
  const numeric = property.anyOf?.some((each) => kindOf(each) === "number") === true;
  return numeric && !Number.isNaN(number) ? number : text;
}

const numberFrom = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));
