/** @file From a benchmark and the options of a run to its tasks, and to when these are measured. */
import type * as z from "zod";
import { blurry } from "../data/blurry.ts";
import { DEFAULT_ORDER_SEED } from "../data/class-order.ts";
import type { Dataset } from "../data/dataset.ts";
import { withClasses } from "../data/limit-classes.ts";
import { classIncremental, domainIncremental, firstTasks, type TaskStream } from "../data/stream.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { jointStream } from "../train/joint.ts";
import type { EvaluationPlan } from "../train/options.ts";
import type { Benchmark } from "./benchmark.ts";
import type { runOptionsSchema } from "./options.ts";

type Options = Omit<z.output<typeof runOptionsSchema>, "workers" | "cache" | "baseline" | "reportImages">;

/** Points of the anytime curve of a blurry stream, unless told otherwise. */
const ANYTIME_POINTS = 20;

/** Domains come in their own order unless a seed is given; classes are shuffled as the field does. */
export function effectiveOrderSeed(
  { kind }: Pick<Benchmark, "kind">,
  { orderSeed }: Pick<Options, "orderSeed">,
): number | null {
  return orderSeed ?? (kind === "domain-incremental" ? null : DEFAULT_ORDER_SEED);
}

/** The stream that the options ask for; `joint`: all its tasks as one. @throws InputError where options don't fit */
export function streamOf(
  benchmark: Pick<Benchmark, "name" | "kind" | "tasks">,
  whole: Dataset,
  options: Options,
  joint: boolean,
): TaskStream {
  const dataset = options.limitClasses === undefined ? whole : withClasses(whole, options.limitClasses);
  const { limitPerClass, testLimitPerClass, validationPerClass, evaluateOn } = options;
  if (evaluateOn === "validation" && validationPerClass === undefined) {
    throw new InputError('`evaluateOn: "validation"` needs `validationPerClass`');
  }
  const inDomains = benchmark.kind === "domain-incremental";
  const foreign = (inDomains ? CLASS_OPTIONS : DOMAIN_OPTIONS).find((name) => options[name] !== undefined);
  if (foreign !== undefined) {
    const tasks = inDomains ? "domains" : "classes";
    throw new InputError(
      `${benchmark.name}: its tasks are its ${tasks}; leave out the option ${optionText(foreign)}`,
    );
  }
  const limits = { limitPerClass, testLimitPerClass, validationPerClass };
  const orderSeed = effectiveOrderSeed(benchmark, options);
  if (inDomains) {
    return limited(domainIncremental(dataset, { ...limits, orderSeed, domains: options.domains }));
  }
  const plain = classIncremental(dataset, {
    ...limits,
    orderSeed,
    initialClasses: options.initialClasses,
    increment: options.increment,
    tasks: options.increment === undefined ? (options.tasks ?? benchmark.tasks) : options.tasks,
  });
  return limited(options.blurry === undefined ? plain : blurred(plain, options.blurry, options.seed));

  function limited(whole: TaskStream): TaskStream {
    const stream = options.taskLimit === undefined ? whole : firstTasks(whole, options.taskLimit);
    return joint ? jointStream(stream) : stream;
  }
}

const CLASS_OPTIONS = ["tasks", "initialClasses", "increment", "blurry"] as const;
const DOMAIN_OPTIONS = ["domains"] as const;

function blurred(stream: TaskStream, percentages: readonly number[], seed: number): TaskStream {
  const [disjoint, scattered] = percentages as [number, number];
  return blurry(stream, { disjoint, scattered, seed });
}

/** When a run is measured: in a domain stream also on the domains to come, in a blurry one also between its tasks. */
export function evaluationPlan(
  stream: TaskStream,
  { evaluate, evaluateTasks, anytime, blurry, epochs }: Options,
): EvaluationPlan {
  const images = epochs * stream.tasks.reduce((sum, task) => sum + task.train.length, 0);
  const usual = blurry === undefined || evaluate === "none" ? undefined : Math.ceil(images / ANYTIME_POINTS);
  return {
    after: evaluate,
    tasks: evaluateTasks ?? (stream.kind === "domain-incremental" ? "all" : "seen"),
    everyImages: anytime ?? usual,
  };
}
