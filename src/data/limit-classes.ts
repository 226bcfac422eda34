/** @file A part of a data set's classes. */
import { InputError, optionText } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./dataset.ts";

/**
 * The first `count` classes, in the data set's own order, with their images, under a name of its own.
 * @throws InputError if there are fewer
 */
export function withClasses(dataset: Dataset, count: number): Dataset {
  const { length } = dataset.classNames;
  if (count > length) {
    throw new InputError(
      `${optionText("limitClasses", count)}: ${dataset.name} has ${length} classes; choose at most ${length}`,
    );
  }
  if (count === length) return dataset;
  const known = (samples: readonly Sample[]): Sample[] => samples.filter(({ label }) => label < count);
  return {
    // Not spread: a data set may be an object with methods of its own.
    ...(dataset.notices === undefined ? {} : { notices: dataset.notices }),
    ...(dataset.augmentation === undefined ? {} : { augmentation: dataset.augmentation }),
    ...(dataset.source === undefined ? {} : { source: (sample) => dataset.source!(sample) }),
    ...(dataset.size === undefined ? {} : { size: (sample) => dataset.size!(sample) }),
    name: `${dataset.name} (first ${count} of ${length} classes)`,
    classNames: dataset.classNames.slice(0, count),
    domainNames: dataset.domainNames,
    train: known(dataset.train),
    test: known(dataset.test),
    read: (sample) => dataset.read(sample),
  };
}
