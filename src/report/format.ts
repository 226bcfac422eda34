/** @file Numbers and names as a reader sees them, the same in the terminal, Markdown and HTML. */

/** 0.7153 -> "71.5"; an absent or non-finite value -> "–". */
export function percent(fraction: number | null | undefined): string {
  return fraction === null || fraction === undefined ? "–" : decimal(100 * fraction, 1);
}

/** A number with fixed decimals; never "-0.0", and "–" for a value that is not finite. */
export function decimal(value: number, digits: number): string {
  if (!Number.isFinite(value)) return "–";
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** 1180000 -> "1.18 MB", in decimal units and three digits. */
export function bytes(count: number): string {
  if (!Number.isFinite(count)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  // 999.5 would print as 1000 with three digits.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : threeDigits(value)} ${units[unit]}`;
}

/** 3725 -> "1 h 2 min", 62 -> "1 min 2 s", 6.24 -> "6.2 s". */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  if (seconds < 59.95) return `${decimal(seconds, 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 15.31 -> "15.3", 179.4 -> "179": three digits, as a rate is known to. */
export function rate(perSecond: number): string {
  return Number.isFinite(perSecond) ? threeDigits(perSecond) : "–";
}

/** 1234567 -> "1,234,567". */
export function count(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",") : "–";
}

/** What a terminal or a page might obey: control characters, and those that end lines or turn the direction of text. */
const OBEYED = "\\p{Cc}\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const RUN_OF_OBEYED = new RegExp(`[${OBEYED}]+`, "gu");
const ONE_OBEYED = new RegExp(`[${OBEYED}]`, "gu");

/**
 * The text on one line, without control characters and text direction overrides: names come from folders and
 * files, and neither a terminal nor a page should obey them.
 */
export function printable(text: string): string {
  return text.replace(RUN_OF_OBEYED, " ");
}

/** The same for text of several lines, which stay. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}

/** A value as one line of JSON: the same value when it is read, and no character that a terminal obeys. */
export function jsonLine(value: unknown): string {
  const escaped = (character: string): string =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(ONE_OBEYED, escaped);
}

/** At most `limit` characters, the last an ellipsis where some were cut. */
export function shorten(text: string, limit: number): string {
  const characters = [...text];
  return characters.length <= limit ? text : `${characters.slice(0, limit - 1).join("")}…`;
}

/** Text that is safe in HTML content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return printable(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return decimal(value, size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}
