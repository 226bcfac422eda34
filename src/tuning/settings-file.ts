/** @file A file of settings: what a search chose, and how it came to that. `fmlora run --settings` takes the choice. */
import * as z from "zod";
import { InputError } from "../tensor/errors.ts";

const value = z.union([z.number(), z.string(), z.boolean(), z.array(z.union([z.number(), z.string()]))]);
/** Options by flag, as in a grid's file. */
const settings = z.record(z.string(), value);
const range = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("log"), low: z.number(), high: z.number() }),
  z.object({ kind: z.literal("uniform"), low: z.number(), high: z.number() }),
  z.object({ kind: z.literal("one of"), values: z.array(z.union([z.number(), z.string(), z.boolean()])) }),
]);
const trial = z.object({
  /** Folder of its run. */
  cell: z.string(),
  settings,
  lastAccuracy: z.number().nullable(),
  averageAccuracy: z.number().nullable(),
  seconds: z.number(),
  /** Why it has no accuracy, in one line. */
  failure: z.string().optional(),
});
const schema = z.looseObject({
  /** The method that these settings are of; left out: of any. */
  method: z.string().optional(),
  /** What a run takes. */
  settings,
  benchmark: z.string().optional(),
  /** What all trials had. */
  shared: settings.optional(),
  ranges: z.record(z.string(), range).optional(),
  search: z
    .object({ kind: z.literal("random"), seed: z.number(), trials: z.number(), measure: z.string() })
    .optional(),
  trials: z.array(trial).optional(),
});

/** What the file says; but for `settings` it may all be left out, as in one written by hand. */
export type SettingsFile = z.output<typeof schema>;

/** One trial of a search. */
export type Trial = z.output<typeof trial>;

type Told<Name extends keyof SettingsFile> = NonNullable<SettingsFile[Name]>;

/** What a search writes beside its choice. */
export interface SearchResult {
  readonly method: Told<"method">;
  readonly benchmark: Told<"benchmark">;
  readonly shared: Told<"shared">;
  readonly ranges: Told<"ranges">;
  readonly search: Told<"search">;
  readonly trials: Told<"trials">;
}

/** Reads a file's text. @throws InputError that says where it is wrong */
export function parseSettings(text: string, file: string): SettingsFile {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue!.path.length === 0 ? "" : `${issue!.path.join(".")}: `;
  throw new InputError(
    `${file}: not a file of settings: ${where}${issue!.message}; expected {"settings": {"epochs": 3}}, or what fmlora tune writes`,
  );
}

/** The trial with the highest last accuracy, then average accuracy, then the earlier; undefined where none has any. */
export function bestTrial(trials: readonly Trial[]): Trial | undefined {
  const measured = trials.filter(({ lastAccuracy }) => lastAccuracy !== null);
  const better = (one: Trial, other: Trial): number =>
    other.lastAccuracy! - one.lastAccuracy! || (other.averageAccuracy ?? 0) - (one.averageAccuracy ?? 0);
  return measured.toSorted(better)[0];
}
