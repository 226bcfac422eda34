/** @file A data set cut into tasks. */
import { InputError, optionText } from "../tensor/errors.ts";
import { classOrder, DEFAULT_ORDER_SEED } from "./class-order.ts";
import type { Dataset, Sample } from "./dataset.ts";

/** One step of a stream. Labels in `train` and `test` are still the data set's; `TaskStream.position` maps them. */
export interface Task {
  readonly index: number;
  readonly name: string;
  /** Stream positions of the classes this task trains on (all of them in a domain stream). */
  readonly classes: readonly number[];
  readonly train: readonly Sample[];
  readonly validation: readonly Sample[];
  readonly test: readonly Sample[];
}

/** The tasks of one run, in order. */
export interface TaskStream {
  readonly dataset: Dataset;
  readonly kind: "class-incremental" | "domain-incremental";
  /** The kind, and what isn't usual about the cut, after commas: "class-incremental, B50, i-Blurry n50 m10". */
  readonly protocol: string;
  readonly tasks: readonly Task[];
  /** Tasks of the stream that these are the first of; left out: these are all. */
  readonly wholeTasks?: number | undefined;
  /** Class names by stream position. */
  readonly classNames: readonly string[];
  /** Data-set label -> stream position. */
  readonly position: readonly number[];
}

/** How many images of a class (in a domain stream: of a class in one domain) a stream uses. */
export interface SampleLimits {
  /** Training images a class, validation included: the first ones in file order. Left out: all. */
  readonly limitPerClass?: number | undefined;
  /** Of these, the last ones are for validation, and not trained on. Left out: 0. */
  readonly validationPerClass?: number | undefined;
  /** Test images a class: the first ones in file order. Left out: all. */
  readonly testLimitPerClass?: number | undefined;
}

/** Either `tasks`, or `increment` (with or without `initialClasses`). */
export interface ClassIncrementalOptions extends SampleLimits {
  /** So many equal tasks; the last one takes the classes that are left over. */
  readonly tasks?: number | undefined;
  /** Classes of the first task; 0 (or left out) means as many as `increment` ("B0"), "half" half of all, rounded down. */
  readonly initialClasses?: number | "half" | undefined;
  /** Classes of each further task; the last one may get fewer. */
  readonly increment?: number | undefined;
  /** Class order; null: as in the data set. Left out: 1993. */
  readonly orderSeed?: number | null | undefined;
}

/** Which domains come, and in which order. */
export interface DomainIncrementalOptions extends SampleLimits {
  /** Names of the domains to use, in order. Left out: all. */
  readonly domains?: readonly string[] | undefined;
  /** Shuffles the domains; null or left out: in the order given. */
  readonly orderSeed?: number | null | undefined;
}

/**
 * New classes at every task: the classes, in the order of `orderSeed`, are cut into runs.
 * @throws InputError if the options do not fit each other or the data set.
 */
export function classIncremental(dataset: Dataset, options: ClassIncrementalOptions): TaskStream {
  const count = dataset.classNames.length;
  const order = classOrder(count, options.orderSeed === undefined ? DEFAULT_ORDER_SEED : options.orderSeed);
  const position = new Array<number>(count).fill(0);
  for (const [place, label] of order.entries()) position[label] = place;

  const limits = checkedLimits(dataset, options);
  const train = groupBy(dataset.train, count, (sample) => position[sample.label]!);
  const test = groupBy(dataset.test, count, (sample) => position[sample.label]!);
  const classNames = order.map((label) => dataset.classNames[label]!);

  let next = 0;
  const sizes = taskSizes(dataset, options);
  const tasks = sizes.map((size, index): Task => {
    const classes = Array.from({ length: size }, () => next++);
    const parts = classes.map((place) => {
      const where = `class "${classNames[place]}"`;
      if (train[place]!.length === 0) {
        throw new InputError(`${dataset.name}: ${where} has no training image; add some or remove the class`);
      }
      return split(dataset.name, where, train[place]!, test[place]!, limits);
    });
    return joined(dataset.name, index, `task ${index + 1}`, classes, parts);
  });
  const kind = "class-incremental";
  const protocol = (options.initialClasses ?? 0) === 0 ? kind : `${kind}, B${sizes[0]}`;
  return { dataset, kind, protocol, tasks, classNames, position };
}

/**
 * The same classes in a new domain at every task; classes keep the data set's order.
 * @throws InputError if the options do not fit each other or the data set.
 */
export function domainIncremental(dataset: Dataset, options: DomainIncrementalOptions = {}): TaskStream {
  const count = dataset.classNames.length;
  const named = options.domains ?? dataset.domainNames;
  const domains = named.map((name) => {
    const domain = dataset.domainNames.indexOf(name);
    if (domain < 0) {
      throw new InputError(
        `${dataset.name}: there is no domain "${name}"; expected some of: ${dataset.domainNames.join(", ")}`,
      );
    }
    return domain;
  });
  if (new Set(domains).size !== domains.length || domains.length < 2) {
    throw new InputError(
      `${dataset.name}: a domain stream needs two or more different domains, got: ${named.join(", ")}; ` +
        "name others, or use a class-incremental stream",
    );
  }
  const limits = checkedLimits(dataset, options);
  const group = (samples: readonly Sample[]): Sample[][] =>
    groupBy(samples, count * dataset.domainNames.length, (sample) => sample.domain * count + sample.label);
  const train = group(dataset.train);
  const test = group(dataset.test);
  const classes = dataset.classNames.map((_, label) => label);

  const tasks = classOrder(domains.length, options.orderSeed ?? null).map((place, index) => {
    const domain = domains[place]!;
    const name = dataset.domainNames[domain]!;
    const parts = classes.map((label) => {
      const cell = domain * count + label;
      const where = `class "${dataset.classNames[label]}" of domain "${name}"`;
      return split(dataset.name, where, train[cell]!, test[cell]!, limits);
    });
    return joined(dataset.name, index, name, classes, parts);
  });
  const kind = "domain-incremental";
  // Another choice or order of domains is another benchmark; a shuffled one has its seed.
  const usual = named.every((name, place) => name === dataset.domainNames[place]);
  const protocol =
    usual && named.length === dataset.domainNames.length ? kind : `${kind}, domains ${named.join(" ")}`;
  return { dataset, kind, protocol, tasks, classNames: dataset.classNames, position: classes };
}

/** The first tasks of a stream, as if it had been stopped after them. */
export function firstTasks(stream: TaskStream, count: number): TaskStream {
  const { tasks, protocol } = stream;
  if (count >= tasks.length) return stream;
  return {
    ...stream,
    tasks: tasks.slice(0, count),
    wholeTasks: tasks.length,
    protocol: `${protocol}, first ${count} of ${tasks.length} tasks`,
  };
}

/** Classes of each task. */
function taskSizes(dataset: Dataset, options: ClassIncrementalOptions): number[] {
  const { tasks, initialClasses, increment } = options;
  const count = dataset.classNames.length;
  const all = `the ${count} classes of ${dataset.name}`;
  if (
    (tasks === undefined) === (increment === undefined) ||
    (tasks !== undefined && initialClasses !== undefined)
  ) {
    throw new InputError(
      "class-incremental stream: give either `tasks`, or `increment` (with or without `initialClasses`)",
    );
  }
  if (tasks !== undefined) {
    checkWhole("tasks", tasks, 1);
    if (tasks > count) {
      throw new InputError(
        `${optionText("tasks", tasks)}: ${all} are too few for so many; expected 1 to ${count}`,
      );
    }
    const size = Math.floor(count / tasks);
    return Array.from({ length: tasks }, (_, task) => (task < tasks - 1 ? size : count - size * (tasks - 1)));
  }
  const step = checkWhole("increment", increment!, 1);
  const asked = initialClasses === "half" ? Math.floor(count / 2) : (initialClasses ?? 0);
  const first = checkWhole("initialClasses", asked, 0) || step;
  if (first > count) {
    throw new InputError(
      `the first task would get ${first} classes: more than ${all}; expected 1 to ${count}`,
    );
  }
  const sizes = [first];
  for (let left = count - first; left > 0; left -= step) sizes.push(Math.min(step, left));
  return sizes;
}

/** The limits with their defaults. */
interface Limits {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

function checkedLimits(dataset: Dataset, options: SampleLimits): Limits {
  const { limitPerClass, validationPerClass = 0, testLimitPerClass } = options;
  if (limitPerClass !== undefined) checkWhole("limitPerClass", limitPerClass, 1);
  if (testLimitPerClass !== undefined) checkWhole("testLimitPerClass", testLimitPerClass, 1);
  checkWhole("validationPerClass", validationPerClass, 0);
  const train = limitPerClass ?? Number.POSITIVE_INFINITY;
  if (train <= validationPerClass) {
    throw new InputError(
      `${dataset.name}: ${optionText("limitPerClass", train)} with ${optionText("validationPerClass", validationPerClass)} ` +
        "leaves no image to train on; expected a limit above the validation images",
    );
  }
  return { train, validation: validationPerClass, test: testLimitPerClass ?? Number.POSITIVE_INFINITY };
}

function checkWhole(name: string, value: number, least: number): number {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new InputError(`${optionText(name, value)}: expected a whole number, ${least} or more`);
  }
  return value;
}

/** Samples by `key`, each group in file order. */
function groupBy(samples: readonly Sample[], groups: number, key: (sample: Sample) => number): Sample[][] {
  const result = Array.from({ length: groups }, (): Sample[] => []);
  for (const sample of samples) result[key(sample)]!.push(sample);
  return result;
}

type Part = Pick<Task, "train" | "validation" | "test">;

/** The images of one class (of one domain). */
function split(
  dataset: string,
  where: string,
  train: readonly Sample[],
  test: readonly Sample[],
  limits: Limits,
): Part {
  const kept = train.slice(0, limits.train);
  const trained = kept.length - limits.validation;
  // A domain may lack a class; one that it has must keep something to train on.
  if (kept.length > 0 && trained <= 0) {
    throw new InputError(
      `${dataset}: ${where} has ${kept.length} training images, and ${optionText("validationPerClass", limits.validation)} ` +
        "leaves none to train on; lower it",
    );
  }
  return {
    train: kept.slice(0, Math.max(0, trained)),
    validation: kept.slice(Math.max(0, trained)),
    test: test.slice(0, limits.test),
  };
}

function joined(
  dataset: string,
  index: number,
  name: string,
  classes: readonly number[],
  parts: readonly Part[],
): Task {
  const train = parts.flatMap((part) => part.train);
  const validation = parts.flatMap((part) => part.validation);
  const test = parts.flatMap((part) => part.test);
  for (const [use, samples] of Object.entries({ train, test })) {
    if (samples.length === 0) {
      throw new InputError(
        `${dataset}: "${name}" has no ${use} image, so it can't be ${use === "train" ? "learned" : "measured"}; add some`,
      );
    }
  }
  return { index, name, classes, train, validation, test };
}
