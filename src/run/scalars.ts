/** @file The numbers in a run's events, under the names that trackers show. */
import type { Figure } from "../methods/figures.ts";
import type { RunEvent } from "../train/events.ts";
import type { Scalar } from "./logger.ts";

/** Reads events in order: a step's place is the number of steps before it. */
export class RunScalars {
  #steps = 0;
  #tasks = 0;

  /** The numbers of the next event; those that are not finite are left out, as trackers take none. */
  next(event: RunEvent): Scalar[] {
    return this.#read(event).filter(({ value }) => Number.isFinite(value));
  }

  #read(event: RunEvent): Scalar[] {
    switch (event.type) {
      case "step":
        this.#steps++;
        return this.#at(this.#steps, { loss: event.loss, images_per_second: event.imagesPerSecond });
      case "epoch":
        return this.#at(this.#steps, { epoch_loss: event.loss });
      case "method":
        return this.#at(event.task + 1, prefixed("method", numbersOf(event.figures)));
      case "anytime":
        return this.#at(event.images, { anytime_accuracy: event.accuracyMicro });
      case "task-end": {
        this.#tasks = event.task + 1;
        const { accuracyMicro, stateBytes, seconds, accuracy } = event;
        const rows = Object.entries(accuracy).map(([readout, row]) =>
          prefixed(
            `accuracy_${readout}`,
            Object.fromEntries(row.map((share, i) => [`task_${i + 1}`, share])),
          ),
        );
        return this.#at(this.#tasks, {
          ...(accuracyMicro === null ? {} : { accuracy: accuracyMicro }),
          ...Object.assign({}, ...rows),
          state_bytes: stateBytes,
          task_seconds: seconds,
        });
      }
      case "run-end": {
        const { lastAccuracy, averageAccuracy, seconds } = event;
        return this.#at(this.#tasks, {
          ...(lastAccuracy === null ? {} : { last_accuracy: lastAccuracy }),
          ...(averageAccuracy === null ? {} : { average_accuracy: averageAccuracy }),
          seconds,
        });
      }
      default:
        return [];
    }
  }

  #at(step: number, values: Readonly<Record<string, number>>): Scalar[] {
    return Object.entries(values).map(([name, value]) => ({ name: tracked(name), step, value }));
  }
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));
}

/** MLflow takes letters, digits and these signs. */
const tracked = (name: string): string => name.replaceAll(/[^\w\-. /]/g, "_");

/** The figures that are numbers, by name. */
const numbersOf = (figures: readonly Figure[]): Record<string, number> =>
  Object.fromEntries(
    figures.flatMap((figure) => (figure.kind === "number" ? [[figure.name, figure.value]] : [])),
  );
