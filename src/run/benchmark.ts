/** @file What a benchmark is to a run and to the command line, and how one is defined. */
import type * as z from "zod";
import type { Dataset } from "../data/dataset.ts";
import type { TaskStream } from "../data/stream.ts";
import { InputError } from "../tensor/errors.ts";
import { checked } from "./checked.ts";

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
export interface OpenOptions<Options extends z.ZodObject = z.ZodObject> {
  /** The folder with its images. */
  readonly data?: string | undefined;
  /** For splits that the data does not come with; default 0. */
  readonly seed?: number | undefined;
  /** Values for the benchmark's own `options`; what is left out has its default. */
  readonly options?: z.input<Options> | undefined;
}

/** What a benchmark says of itself. */
interface BenchmarkFacts<Options extends z.ZodObject> {
  /** What it is called on the command line: "imagenet-r". */
  readonly name: string;
  readonly kind: TaskStream["kind"];
  /** Tasks of its usual stream. */
  readonly tasks: number;
  /** One phrase for the list of benchmarks. */
  readonly summary: string;
  /** What has to be there before it can be opened. */
  readonly needs: string;
  /** Every option with its default and a description: command line, documents and config.json derive from it. */
  readonly options: Options;
}

/** A data set with a name, and the stream it is usually cut into. */
export interface Benchmark<Options extends z.ZodObject = z.ZodObject> extends BenchmarkFacts<Options> {
  readonly source: BenchmarkSource;
  /** Whether `OpenOptions.data` is needed (true) or refused (false). */
  readonly usesData: boolean;
  /** @throws InputError if an option is wrong, or something is missing or malformed. */
  open(options?: OpenOptions<Options>): Promise<Dataset>;
}

/** What `open` of a definition gets: everything there and checked. */
export interface OpenRequest<Options extends z.ZodObject> {
  /** For splits that the data does not come with. */
  readonly seed: number;
  /** The benchmark's own options, defaults filled in. */
  readonly options: z.output<Options>;
}

/** A benchmark as its file writes it: `open` sees checked values, and a folder where it says that it uses one. */
export type BenchmarkDefinition<Options extends z.ZodObject> = BenchmarkFacts<Options> & {
  /** What is left out is unknown: no page, no size, no license stated. */
  readonly source?: Partial<BenchmarkSource>;
} & (
    | {
        readonly usesData: true;
        open(request: OpenRequest<Options> & { readonly data: string }): Promise<Dataset>;
      }
    | { readonly usesData: false; open(request: OpenRequest<Options>): Promise<Dataset> }
  );

const UNKNOWN_SOURCE: BenchmarkSource = {
  home: null,
  hub: null,
  license: "not stated",
  images: null,
  classes: null,
  bytes: null,
};

/** Makes a benchmark of its definition: options are checked and typed, and the folder is there, before `open` is called. */
export function defineBenchmark<Options extends z.ZodObject>(
  definition: BenchmarkDefinition<Options>,
): Benchmark<Options> {
  const { name, kind, tasks, summary, needs, usesData, options } = definition;
  const facts = { name, kind, tasks, summary, needs, usesData, options };
  return {
    ...facts,
    source: { ...UNKNOWN_SOURCE, ...definition.source },
    async open({ data, seed = 0, options: given = {} } = {}) {
      const request = { seed, options: checked(options, given, `benchmark ${name}`) };
      if (definition.usesData) return definition.open({ ...request, data: requiredData(definition, data) });
      refuseData(definition, data);
      return definition.open(request);
    },
  };
}

type Needs = Pick<Benchmark, "name" | "needs">;

/** @throws InputError if no folder was given */
function requiredData({ name, needs }: Needs, data: string | undefined): string {
  if (data !== undefined && data !== "") return data;
  throw new InputError(`${name}: no data folder given; it needs ${needs}`);
}

/** Stops where a folder is given that nothing would look at. @throws InputError if one was given */
function refuseData({ name, needs }: Needs, data: string | undefined): void {
  if (data === undefined) return;
  throw new InputError(
    `${name}: it needs ${needs} and reads no data folder, but "${data}" was given; leave it out`,
  );
}
