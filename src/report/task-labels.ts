/** @file What a reader calls the tasks of a run. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import type { RunHistory } from "./history.ts";

/** Names that say no more than the number does. */
const NUMBERED = /^task \d+$/;

/** "3 sketch", "3 zebra, whale, …": every task's number with its domain, or its classes. */
export function taskLabels({ accuracyMatrix, taskNames }: RunMetrics, { tasks }: RunHistory): string[] {
  return accuracyMatrix.map((_, t) => {
    const name = taskNames[t] ?? tasks.get(t)?.name ?? "";
    const classes = tasks.get(t)?.classNames ?? [];
    const own = name === "" || NUMBERED.test(name) ? classes.slice(0, 3).join(", ") : name;
    return `${t + 1} ${own}`.trim();
  });
}
