/** @file Shares as bars of HTML: they are as wide as the page, and a screen reader reads their names and numbers. */
import { escapeHtml, printable, shorten } from "./format.ts";

/** A share from 0 to 1 with its name. */
export interface Bar {
  readonly label: string;
  readonly share: number;
  readonly text: string;
  /** 95 % interval, drawn over the bar. */
  readonly interval?: readonly [low: number, high: number] | undefined;
  /** Weaker, for what others are compared with. */
  readonly muted?: boolean | undefined;
}

const LONGEST_NAME = 40;

/** Bars below each other. */
export function bars(all: readonly Bar[]): string {
  const rows = all.map(({ label, share, text, interval, muted }) => {
    const whisker =
      interval === undefined
        ? ""
        : `<b style="left:${place(interval[0])};width:${place(interval[1] - interval[0])}"></b>`;
    const name = shorten(printable(label), LONGEST_NAME);
    return `<li><span>${escapeHtml(name)}</span><span class="track" aria-hidden="true"><i${muted === true ? ' class="muted"' : ""} style="width:${place(share)}"></i>${whisker}</span><span>${escapeHtml(text)}</span></li>`;
  });
  return `<ul class="bars">${rows.join("")}</ul>`;
}

const place = (share: number): string => `${Number((100 * share).toFixed(2))}%`;
