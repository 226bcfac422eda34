/** @file Images that could not be read. */
import { count } from "../format.ts";
import { LONGEST_LIST, section, tableHtml } from "../page.ts";
import type { Section } from "../section.ts";

/** Images that could not be read. */
export const skipped: Section = ({ history }) => {
  const skipped = history.skipped;
  if (skipped.length === 0) return "";
  const rows = skipped.slice(0, LONGEST_LIST).map(({ id, reason }) => [id, reason]);
  const more = skipped.length - rows.length;
  return section(
    "Skipped images",
    `${count(skipped.length)} could not be read and took no part.`,
    tableHtml(
      [
        { title: "image", class: "text" },
        { title: "reason", class: "text" },
      ],
      rows,
    ) + (more > 0 ? `<p class="caption">and ${count(more)} more</p>` : ""),
  );
};
