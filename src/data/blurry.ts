/** @file i-Blurry: task boundaries that classes cross (Koh et al., ICLR 2022, arXiv 2110.10031). */
import { InputError, optionText } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import type { Sample } from "./dataset.ts";
import type { Task, TaskStream } from "./stream.ts";

/** i-Blurry-N-M, and what draws it. */
export interface BlurryOptions {
  /** N: percentage of classes that come in one task only. */
  readonly disjoint: number;
  /** M: of every other class, the percentage of training images that come in other tasks than its own. */
  readonly scattered: number;
  readonly seed: number;
}

/**
 * A class-incremental stream with its boundaries blurred. Every class keeps the task it had as its major one. N % of
 * the classes, evenly over the class order and so over the tasks, are disjoint; of each other class, M % of the
 * training images are dealt, as evenly as whole images allow, to all other tasks. Every training image stays in the
 * stream once. Test and validation images of a class belong to the task in which it first comes: those of tasks 0..t
 * are then the images of all classes met by then, which is what the paper measures on. A task that brings no class
 * for the first time has no test images.
 * @throws InputError if a percentage is out of range, or a task would be left without training images.
 */
export function blurry(stream: TaskStream, { disjoint, scattered, seed }: BlurryOptions): TaskStream {
  for (const [name, value] of Object.entries({ disjoint, scattered })) {
    if (!(value >= 0 && value <= 100)) {
      throw new InputError(`blurry: ${name} is ${value}; expected a percentage, 0 to 100`);
    }
  }
  if (stream.kind !== "class-incremental") {
    throw new InputError(
      `${stream.dataset.name}: only class-incremental streams can be blurry, this one is ${stream.kind}`,
    );
  }
  const { tasks, position } = stream;
  const classes = stream.classNames.length;
  const disjointClasses = Math.round((classes * disjoint) / 100);
  // As Bresenham draws a line: of any run of classes, the share asked for, within one class.
  const upTo = (place: number): number => Math.floor((place * disjointClasses) / classes);
  const train = tasks.map(() => new Map<number, Sample[]>());
  const firstTask = new Map<number, number>();
  for (const major of tasks) {
    for (const [place, samples] of byClass(major.train, position)) {
      const isDisjoint = upTo(place + 1) > upTo(place);
      const rng = Rng.at(seed, "blurry", place);
      const others = rng.shuffled(tasks.filter((task) => task !== major));
      const count = isDisjoint || others.length === 0 ? 0 : Math.round((samples.length * scattered) / 100);
      const dealt = new Map(
        rng
          .shuffled(samples)
          .slice(0, count)
          .map((sample, k) => [sample, others[k % others.length]!.index]),
      );
      for (const sample of samples) {
        const task = dealt.get(sample) ?? major.index;
        const group = train[task]!.get(place);
        if (group === undefined) train[task]!.set(place, [sample]);
        else group.push(sample);
        firstTask.set(place, Math.min(firstTask.get(place) ?? task, task));
      }
    }
  }
  const evaluated = (part: "test" | "validation"): Sample[][] => {
    const parts = tasks.map((): Sample[] => []);
    for (const sample of tasks.flatMap((task) => task[part])) {
      parts[firstTask.get(position[sample.label]!)!]!.push(sample);
    }
    return parts;
  };
  const [test, validation] = [evaluated("test"), evaluated("validation")];
  return {
    ...stream,
    protocol: `${stream.protocol}, i-Blurry n${disjoint} m${scattered}`,
    tasks: tasks.map(({ index, name }): Task => {
      const own = [...train[index]!].sort(([a], [b]) => a - b);
      if (own.length === 0) {
        throw new InputError(
          `${stream.dataset.name}: with ${optionText("blurry", [disjoint, scattered])} "${name}" has no training image; lower the second number, or make fewer tasks`,
        );
      }
      return {
        index,
        name,
        classes: own.map(([place]) => place),
        train: own.flatMap(([, samples]) => samples),
        test: test[index]!,
        validation: validation[index]!,
      };
    }),
  };
}

function byClass(samples: readonly Sample[], position: readonly number[]): Map<number, Sample[]> {
  const classes = new Map<number, Sample[]>();
  for (const sample of samples) {
    const place = position[sample.label]!;
    const group = classes.get(place);
    if (group === undefined) classes.set(place, [sample]);
    else group.push(sample);
  }
  return classes;
}
