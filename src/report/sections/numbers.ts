/** @file Numbers that the method told. */
import { section, tableHtml } from "../page.ts";
import type { Section } from "../section.ts";

/** Other numbers that the method reported, by task. */
export const numbers: Section = ({ history }) => {
  const { numbers } = history.figures;
  const names = [...numbers.keys()];
  if (names.length === 0) return "";
  const tasks = new Set([...numbers.values()].flatMap((byTask) => [...byTask.keys()]));
  const rows = [...tasks]
    .toSorted((a, b) => a - b)
    .map((task) => [
      String(task + 1),
      ...names.map((name) => {
        const value = numbers.get(name)?.get(task);
        return value !== undefined && Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–";
      }),
    ]);
  return section(
    "Reported by the method",
    "",
    tableHtml([{ title: "task", class: "left" }, ...names.map((title) => ({ title }))], rows),
  );
};
