/** @file Every task in a table. */
import { bytes, count, decimal, percent, shorten } from "../format.ts";
import { section, tableHtml } from "../page.ts";
import type { Section } from "../section.ts";

/** Every task: its data, its accuracy, its cost. */
export const tasks: Section = ({ metrics, history }) => {
  // Of all domains, also those to come: worth a column where it says more than micro.
  const ahead = metrics.accuracyAllTasks
    .slice(0, -1)
    .some((value, t) => value !== null && metrics.accuracyMatrix[t]!.length > t + 1);
  const rows = metrics.accuracyMatrix.map((row, t) => {
    const start = history.tasks.get(t);
    const name = metrics.taskNames[t] ?? start?.name ?? "";
    const classes = start?.classNames ?? [];
    const some = classes.slice(0, 4).map((label) => shorten(label, 24));
    const list = `${some.join(", ")}${classes.length > 4 ? ", …" : ""}`;
    return [
      String(t + 1),
      classes.length === 0 ? name : `${name} (${count(classes.length)}: ${list})`,
      start === undefined ? "–" : count(start.trainImages),
      count(metrics.testImages[t] ?? Number.NaN),
      percent(row[t]),
      percent(metrics.accuracyMicro[t]),
      percent(metrics.accuracyMacro[t]),
      ...(ahead ? [percent(metrics.accuracyAllTasks[t])] : []),
      count(metrics.trainableParameters[t] ?? Number.NaN),
      bytes(metrics.stateBytes[t] ?? Number.NaN),
      decimal(metrics.taskSeconds[t] ?? Number.NaN, 1),
    ];
  });
  const titles = [
    "train images",
    "test images",
    "new task %",
    "micro %",
    "macro %",
    ...(ahead ? ["all tasks %"] : []),
    "trained numbers",
    "state",
    "seconds",
  ];
  return section(
    "Tasks",
    "New task: accuracy on a task right after it was learned. Micro and macro: over all tasks so far, weighted by test images and not.",
    tableHtml(
      [{ title: "task" }, { title: "name", class: "text" }, ...titles.map((title) => ({ title }))],
      rows,
    ),
  );
};
