/** @file What a benchmark is to the command line, and how it reads its own options. */
import type { Dataset } from "../data/dataset.ts";
import type { TaskStream } from "../data/stream.ts";
import { InputError } from "../tensor/errors.ts";

/** One option of a benchmark; a number as default means that whole numbers are expected. */
export interface BenchmarkOption {
  readonly default: string | number;
  readonly summary: string;
}

/** Where the images come from, as their owners and the Hub's card say it. Looked up in November 2026. */
export interface BenchmarkSource {
  /** The owners' page; null: nobody's, the images are the user's own or come along. */
  readonly home: string | null;
  /** What `fmlora data fetch` brings; null: nothing that it could. */
  readonly hub: HubSource | null;
  /** In the owners' words, or that they state none. */
  readonly license: string;
  /** Images of the full set; null: as many as the user has. */
  readonly images: number | null;
  readonly classes: number | null;
  /** Size of the owners' archives, or of the Hub's files where there is none; null where nothing is downloaded. */
  readonly bytes: number | null;
}

/** A data set of the Hugging Face Hub with the benchmark's images. */
export interface HubSource {
  /** "uoft-cs/cifar100" */
  readonly repo: string;
  /** The files that are needed. */
  readonly files: RegExp;
  /** What to know about it: who made it, what differs from the official set. */
  readonly note: string;
}

/** What the user asks of a benchmark. */
export interface OpenOptions {
  /** The folder with its images. */
  readonly data?: string | undefined;
  /** For splits that the data does not come with; default 0. */
  readonly seed?: number | undefined;
  /** Values for the benchmark's own `options`. */
  readonly options?: Readonly<Record<string, string | number>> | undefined;
}

/** A data set with a name, and the stream it is usually cut into. */
export interface Benchmark {
  readonly name: string;
  readonly kind: TaskStream["kind"];
  /** Tasks of its usual stream. */
  readonly tasks: number;
  readonly summary: string;
  /** What has to be there before it can be opened. */
  readonly needs: string;
  readonly source: BenchmarkSource;
  /** Whether `OpenOptions.data` is needed (true) or refused (false). */
  readonly usesData: boolean;
  readonly options: Readonly<Record<string, BenchmarkOption>>;
  /** @throws InputError if something is missing or malformed. */
  open(options: OpenOptions): Promise<Dataset>;
}

type OptionValues<Spec extends Readonly<Record<string, BenchmarkOption>>> = {
  readonly [Name in keyof Spec]: Spec[Name]["default"] extends number ? number : string;
};

/**
 * The values of a benchmark's own options, defaults filled in.
 * @throws InputError at an option it does not have, or a value of another type.
 */
export function readOptions<Spec extends Readonly<Record<string, BenchmarkOption>>>(
  benchmark: string,
  spec: Spec,
  given: OpenOptions["options"] = {},
): OptionValues<Spec> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(spec, name)) {
      const known = Object.keys(spec).join(", ") || "none";
      throw new InputError(`${benchmark}: there is no option "${name}"; it has: ${known}`);
    }
  }
  const values = Object.entries(spec).map(([name, { default: standard }]) => {
    const value = given[name] ?? standard;
    if (typeof standard === "string") return [name, String(value)];
    if (String(value).trim() === "" || !Number.isSafeInteger(Number(value))) {
      throw new InputError(`${benchmark}: option "${name}" is "${value}"; expected a whole number`);
    }
    return [name, Number(value)];
  });
  return Object.fromEntries(values) as OptionValues<Spec>;
}

/**
 * The folder that a benchmark needs.
 * @throws InputError if none was given.
 */
export function requireData(benchmark: Pick<Benchmark, "name" | "needs">, { data }: OpenOptions): string {
  if (data === undefined || data === "") {
    throw new InputError(`${benchmark.name}: no data folder given; it needs ${benchmark.needs}`);
  }
  return data;
}

/**
 * Stops where a folder is given to a benchmark that would not look at it.
 * @throws InputError if one was given.
 */
export function refuseData(benchmark: string, { data }: OpenOptions): void {
  if (data !== undefined) {
    throw new InputError(
      `${benchmark}: it comes from npm packages and reads no data folder, but "${data}" was given; leave it out`,
    );
  }
}
