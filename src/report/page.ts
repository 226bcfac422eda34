/** @file What the report's sections are made of, as HTML. */
import { escapeHtml } from "./format.ts";
import { CHART_WIDTH, HEAT_LEVELS, PHONE_WIDTH, STYLE } from "./style.ts";

/** Beyond this many, lists end in "and N more". */
export const LONGEST_LIST = 20;

/**
 * A page that needs nothing from elsewhere: a policy in it forbids every request. `title` and `about` are texts, `body` is HTML.
 * @param pictures - Whether the page has images in itself: the policy forbids these, too, where it has none.
 */
export function pageHtml(title: string, about: readonly string[], body: string, pictures = false): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'${pictures ? "; img-src data:" : ""}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body><main>
<header><h1>${escapeHtml(title)}</h1><p class="about">${about.map(escapeHtml).join(" · ")}</p></header>
${body}</main></body>
</html>
`;
}

/** A card of the page. `body` and `caption` are HTML, `title` is text. */
export function section(title: string, caption: string, body: string): string {
  const captionHtml = caption === "" ? "" : `<p class="caption">${caption}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2>${captionHtml}${body}</section>\n`;
}

/** A table of texts; a column is numeric unless its class says otherwise. */
export function tableHtml(
  columns: readonly { readonly title: string; readonly class?: "left" | "text" }[],
  rows: readonly (readonly string[])[],
): string {
  const attribute = (k: number): string =>
    columns[k]?.class === undefined ? "" : ` class="${columns[k].class}"`;
  const head = columns.map((column, k) => `<th${attribute(k)}>${escapeHtml(column.title)}</th>`).join("");
  const body = rows
    .map((row) => `<tr>${row.map((cell, k) => `<td${attribute(k)}>${escapeHtml(cell)}</td>`).join("")}</tr>`)
    .join("\n");
  return wide(`<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`);
}

/** What may be wider than a phone: it scrolls sideways, by finger and by keyboard, and its edges show that there is more. */
export function wide(html: string): string {
  return `<div class="wide" tabindex="0" role="group" aria-label="scrolls sideways">${html}</div>`;
}

/** A chart drawn twice, for a page and for a phone: one is shown, and its text keeps its size. */
export function fitted(draw: (width: number) => string): string {
  return `<div class="broad">${draw(CHART_WIDTH)}</div><div class="narrow">${draw(PHONE_WIDTH)}</div>`;
}

/** Part of a card that is opened by who wants it. `summary` is text, `body` HTML. */
export function folded(summary: string, body: string): string {
  return `<details><summary>${escapeHtml(summary)}</summary>${body}</details>`;
}

/** The colors of a heat map between its lowest and highest value. */
export function ramp(low: string, high: string): string {
  const steps = Array.from({ length: HEAT_LEVELS }, (_, k) => `<i style="background:var(--heat-${k})"></i>`);
  return `<span class="legend">${escapeHtml(low)}<span class="ramp">${steps.join("")}</span>${escapeHtml(high)}</span>`;
}
