/** @file What each task lost. */
import { bars } from "../bars.ts";
import { decimal, percent } from "../format.ts";
import { folded, LONGEST_LIST, section } from "../page.ts";
import type { Section } from "../section.ts";
import { taskLabels } from "../task-labels.ts";

/** Points that each task lost between its best accuracy and the end, where any lost some. */
export const forgetting: Section = ({ metrics, history }) => {
  const rows = metrics.accuracyMatrix;
  const last = rows.at(-1) ?? [];
  const labels = taskLabels(metrics, history);
  const lost = last.slice(0, -1).flatMap((end, task) => {
    const values = rows.flatMap((row) => row[task] ?? []);
    return end === null ? [] : [{ label: labels[task]!, best: Math.max(...values), end }];
  });
  const all = lost
    .filter(({ best, end }) => best > end)
    .toSorted((a, b) => b.best - b.end - (a.best - a.end))
    .map(({ label, best, end }) => ({
      label,
      share: best - end,
      text: `${decimal(100 * (best - end), 1)} (${percent(best)} to ${percent(end)})`,
    }));
  if (all.length === 0 || metrics.forgetting === null) return "";
  const rest = all.slice(LONGEST_LIST);
  return section(
    "Forgetting by task",
    `Points that a task lost between its best accuracy and the end, for ${all.length === 1 ? "the task" : `the ${all.length} tasks`} that lost any.`,
    bars(all.slice(0, LONGEST_LIST)) +
      (rest.length === 0 ? "" : folded(`${rest.length} further tasks`, bars(rest))),
  );
};
