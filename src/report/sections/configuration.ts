/** @file The configuration, folded into dotted names. */
import { shorten } from "../format.ts";
import { folded, section, tableHtml } from "../page.ts";
import type { Section } from "../section.ts";

/** Longest value of a setting, and most settings, that the page shows. */
const LONGEST_VALUE = 160;
const MOST_SETTINGS = 300;

/** The configuration as dotted names and values. */
export const configuration: Section = ({ config }) => {
  const settings = flatten(config);
  if (settings.length === 0) return "";
  const rows = settings.slice(0, MOST_SETTINGS).map(([name, value]) => [name, shorten(value, LONGEST_VALUE)]);
  const more = settings.length - rows.length;
  return section(
    "Configuration",
    more > 0 ? `The first ${rows.length} of ${settings.length} settings.` : "",
    folded(
      `${rows.length} settings`,
      tableHtml(
        [
          { title: "setting", class: "left" },
          { title: "value", class: "text" },
        ],
        rows,
      ),
    ),
  );
};

function flatten(value: unknown, name = ""): [name: string, value: string][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, item]) =>
      flatten(item, name === "" ? key : `${name}.${key}`),
    );
  if (value === undefined) return [];
  return [[name === "" ? "value" : name, typeof value === "string" ? value : JSON.stringify(value)]];
}
