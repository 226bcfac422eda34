/** @file One run from its configuration to its folder: what `fmlora run` does, for programs too. */
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import type { Checkpoint } from "../../train/checkpoint.ts";
import type { RunEvent } from "../../train/events.ts";
import { runMetrics } from "../../train/metrics.ts";
import { runStream } from "../../train/run.ts";
import { openImages } from "../images/open.ts";
import { frozenBaseline } from "./baseline.ts";
import { pictured } from "./pictures.ts";
import { prepare } from "./prepare.ts";
import { Profile } from "./profile.ts";
import { type RunRequest, resolveRun } from "./request.ts";
import { RunDirectory } from "./run-directory.ts";

/** Runs a benchmark to its end and returns its metrics. @throws InputError in one line for wrong input. */
export async function runBenchmark(request: RunRequest): Promise<RunMetrics> {
  const { resume = false, listen = () => {}, signal } = request;
  const resolved = resolveRun(request);
  const { out } = resolved;
  const profile = request.profile === true ? new Profile(out) : undefined;
  const prepared = await prepare(request, resolved, profile);
  const { directory, checkpoint, notices } = await RunDirectory.open(out, prepared.config, resume);
  try {
    return await runPrepared(prepared, { directory, checkpoint, notices, listen, signal, profile });
  } finally {
    directory.close();
  }
}

/** Where a run goes, where it continues, and who hears of it. */
interface Surroundings {
  readonly directory: RunDirectory;
  readonly checkpoint: Checkpoint | undefined;
  /** What a resumed run has that it had not before. */
  readonly notices: readonly string[];
  readonly listen: (event: RunEvent) => void;
  readonly signal: AbortSignal | undefined;
  readonly profile: Profile | undefined;
}

async function runPrepared(
  {
    config,
    traits,
    stream,
    model,
    context,
    training,
    evaluation,
    images,
    asksBaseline,
  }: Awaited<ReturnType<typeof prepare>>,
  { directory, checkpoint, notices, listen, signal, profile }: Surroundings,
): Promise<RunMetrics> {
  const { format, method, methodOptions, heads, drift, headOptions } = config;
  const { benchmark, backbone, imageSize, seed, orderSeed } = config;
  const { precision, float32Parts, features, plugins, identity } = config;
  const { kind, classNames, protocol, dataset } = stream;
  const description = {
    format,
    method,
    methodOptions,
    heads,
    drift,
    headOptions,
    backbone,
    imageSize,
    precision,
    float32Parts,
    ...(features === "cls" ? {} : { features }),
    weights: identity.weights,
    benchmark,
    kind,
    classNames,
    ...(plugins === undefined ? {} : { plugins }),
  };
  const output = directory.output(description, listen);
  if (checkpoint === undefined) {
    output.event({
      type: "run-start",
      method,
      benchmark,
      backbone,
      tasks: stream.tasks.length,
      classes: classNames.length,
      notes: model.notes,
    });
  }
  const notice = (text: string): void => output.event({ type: "notice", text });
  const told = [...notices, ...(context.backbone.notices ?? []), ...(dataset.notices ?? [])];
  for (const text of told) notice(text);
  const opened = openImages(images, stream.dataset, notice);
  const parts = { stream, context, training, ...opened, unreadable: images.unreadable, signal };
  const trace = profile?.trace;
  const run = async () => {
    const record = await runStream({ ...parts, model, evaluation, output, resume: checkpoint, trace });
    const peakRssBytes = process.resourceUsage().maxRSS * 1024;
    // A profile is of the run alone.
    const wanted = asksBaseline && profile === undefined;
    const baseline = wanted ? await frozenBaseline(parts, listen) : undefined;
    const { preprocessing } = context.backbone;
    const pictures = { stream, ...training, preprocessing, transform: opened.transform, notice };
    return { record, peakRssBytes, baseline, mistakes: await pictured(record.mistakes ?? [], pictures) };
  };
  const { record, peakRssBytes, baseline, mistakes } = await run().finally(async () => {
    await opened.close();
    await profile?.write(); // a run that is stopped has one, too
  });
  const metrics = runMetrics(record, {
    method,
    traits,
    benchmark,
    dataset: dataset.name,
    protocol,
    backbone,
    seed,
    orderSeed,
    taskNames: stream.tasks.map((task) => task.name),
    classNames,
    baseline,
    domainNames: dataset.domainNames,
    // All classes are there from the start: an untrained classifier is right by chance.
    chance: kind === "domain-incremental" ? 1 / classNames.length : undefined,
    evaluatedOn: training.evaluateOn,
    peakRssBytes,
  });
  const { lastAccuracy, averageAccuracy, seconds } = metrics;
  output.event({ type: "run-end", lastAccuracy, averageAccuracy, seconds });
  await directory.finish(config, metrics, mistakes);
  return metrics;
}
