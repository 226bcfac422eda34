/** @file Reads a finished run again, with all its data, and says where its points are lost. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { checkFits, decodeModel } from "../../learner/model-file.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import type { RunDiagnosis } from "../../report/diagnosis.ts";
import { currentDescription } from "../../run/former-model.ts";
import { chosenHeads } from "../../run/heads.ts";
import { runOptionsSchema } from "../../run/options.ts";
import { byName, type Registry } from "../../run/registry.ts";
import { streamOf } from "../../run/stream.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { diagnose } from "../../train/diagnosis.ts";
import { TaskImages } from "../../train/task-images.ts";
import { NO_TRACE } from "../../train/tracer.ts";
import { readTextSync, readWholeSync } from "../files/read.ts";
import { openImages } from "../images/open.ts";
import { modelFileIn } from "./model.ts";
import { prepare } from "./prepare.ts";
import { REGISTRY } from "./registry.ts";
import { resolveRun } from "./request.ts";

/** Where to find what the run was made with, and who hears how far it is. */
export interface DiagnoseOptions {
  /** What it is called; default: its folder. */
  readonly label?: string | undefined;
  /** Folder of the images, and of the backbone, if they have moved. */
  readonly data?: string | undefined;
  readonly backbone?: string | undefined;
  /** Tasks to tell apart in a run that learned all at once. */
  readonly tasks?: number | undefined;
  readonly registry?: Registry | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onNotice?: ((text: string) => void) | undefined;
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

const record = z.record(z.string(), z.unknown());
/** What is used of a run's config.json. */
const configSchema = z.looseObject({
  method: z.string(),
  methodOptions: record,
  headOptions: record,
  benchmark: z.string(),
  benchmarkOptions: record,
  heads: z.array(z.string()).nonempty(),
  plugins: z.array(z.string()).default([]),
  identity: z.looseObject({ data: z.string() }),
});

/**
 * Where a finished run loses its points: see `diagnose`.
 * @throws InputError where there is no finished run, or its images or its backbone are no longer those it was made with
 */
export async function diagnoseRun(folder: string, options: DiagnoseOptions = {}): Promise<RunDiagnosis> {
  const { registry = REGISTRY, signal, progress, onNotice = () => {}, label = folder } = options;
  const file = join(folder, "config.json");
  const config = readConfig(file);
  const benchmark = byName(registry, "benchmarks", config.benchmark, config.plugins);
  const method = byName(registry, "methods", config.method, config.plugins);
  const joint = method.traits.protocol === "joint";
  const own = runOptions(config, benchmark.kind === "domain-incremental");
  const { methodOptions, headOptions, benchmarkOptions } = config;
  const prepared = await prepare(
    {
      ...own,
      ...(options.data === undefined ? {} : { data: options.data }),
      ...(options.backbone === undefined ? {} : { backbone: options.backbone }),
      benchmark,
      method,
      methodOptions,
      headOptions,
      benchmarkOptions,
      registry,
    },
    resolveRun({ benchmark, method, out: folder, registry }),
    undefined,
  );
  const { model, context, training, images } = prepared;
  try {
    if (!isDeepStrictEqual({ ...prepared.config.identity }, { ...config.identity })) {
      throw new InputError(
        `${file}: the images or the backbone's weights are not those that the run was made with; say where these are: ${optionText("data")}, ${optionText("backbone")}`,
      );
    }
    await loadFinished(folder, prepared);
    const stream = tasksToTell(prepared, benchmark, joint, options.tasks);
    const opened = openImages({ cache: images.cache }, stream.dataset, onNotice);
    try {
      const source = new TaskImages({
        stream,
        preprocessing: context.backbone.preprocessing,
        ...opened,
        unreadable: images.unreadable,
        signal,
        trace: NO_TRACE,
        skipped: [],
        tell: (event) => {
          if (event.type === "skipped-image") onNotice(`skipped ${event.id}: ${event.reason}`);
        },
        passing: () => {},
      });
      const frozen = new AdaptedNetwork(context);
      const found = await diagnose({
        model,
        heads: chosenHeads(method, config.heads, prepared.config.drift, registry.heads).heads,
        headOptions: prepared.config.headOptions,
        frozen,
        stream,
        evaluateOn: training.evaluateOn,
        batches: (samples) => source.batches(samples),
        ...(progress === undefined ? {} : { progress }),
      }).finally(() => frozen.dispose());
      const { backbone, seed } = prepared.config;
      const about = { run: label, method: method.name, benchmark: benchmark.name, backbone, seed };
      return { ...about, evaluatedOn: training.evaluateOn, ...found };
    } finally {
      await opened.close();
    }
  } finally {
    await model.dispose();
  }
}

function readConfig(file: string): z.output<typeof configSchema> {
  if (!existsSync(file)) throw new InputError(`${file}: no such file; expected the folder of a finished run`);
  let json: unknown;
  try {
    json = JSON.parse(readTextSync(file));
  } catch (error) {
    throw new InputError(`${file}: cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  const described = typeof json === "object" && json !== null && !Array.isArray(json);
  const result = configSchema.safeParse(
    described ? currentDescription(json as Readonly<Record<string, unknown>>) : json,
  );
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: not a run's configuration: ${issue!.path.join(".")}: ${issue!.message}`);
}

/** The options as they were given: config.json has tasks where these follow from others, too. */
function runOptions(config: Readonly<Record<string, unknown>>, inDomains: boolean): Record<string, unknown> {
  const known = Object.keys(runOptionsSchema.shape).filter((name) => (config[name] ?? null) !== null);
  const derived = inDomains || config.increment !== undefined ? ["tasks"] : [];
  const names = known.filter((name) => !derived.includes(name));
  return Object.fromEntries(names.map((name) => [name, config[name]]));
}

/** @throws InputError if there is no model of all tasks */
async function loadFinished(
  folder: string,
  { model, stream }: Pick<Awaited<ReturnType<typeof prepare>>, "model" | "stream">,
): Promise<void> {
  const file = modelFileIn(folder);
  const { tensors, description } =
    file === undefined
      ? { tensors: {}, description: { tasksDone: 0 } }
      : decodeModel(readWholeSync(file), file);
  const done = description.tasksDone;
  if (file === undefined || done !== stream.tasks.length) {
    throw new InputError(
      `${folder}: the run there has learned ${done} of ${stream.tasks.length} tasks; continue it with ${optionText("resume")} first`,
    );
  }
  checkFits(model.state(), tensors, file);
  await model.load(tensors);
}

/** The run's own tasks, or those that a run of all at once is asked to tell apart. */
function tasksToTell(
  { config, stream }: Pick<Awaited<ReturnType<typeof prepare>>, "config" | "stream">,
  benchmark: Parameters<typeof streamOf>[0],
  joint: boolean,
  tasks: number | undefined,
): typeof stream {
  if (!joint) {
    if (tasks === undefined) return stream;
    throw new InputError(`${optionText("tasks", tasks)}: the run has tasks of its own; leave the option out`);
  }
  if (benchmark.kind !== "domain-incremental" && tasks === undefined) return stream;
  const own = { ...config, orderSeed: config.orderSeed ?? undefined, tasks };
  return streamOf(benchmark, stream.dataset, own, false);
}
