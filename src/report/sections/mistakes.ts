/** @file Images that were classified wrong, as pictures: what was said of them, and how surely. */
import { count, escapeHtml, percent, printable, shorten } from "../format.ts";
import { section } from "../page.ts";
import type { Section } from "../section.ts";

const LONGEST_NAME = 24;

/** A grid of pictures; "" where nobody asked for them. */
export const mistakes: Section = ({ mistakes: shown }) => {
  if (shown.length === 0) return "";
  const pictures = shown.map(({ image, label, answer, sureness }) => {
    const [was, said] = [label, answer].map((name) => escapeHtml(shorten(printable(name), LONGEST_NAME)));
    return `<figure><img src="${escapeHtml(image)}" alt="" width="112" height="112"><figcaption><b>${said}</b> ${percent(sureness)} %<br>is ${was}</figcaption></figure>`;
  });
  return section(
    "Wrong images",
    `What was said of each, how surely (the head’s own probability), and what it is: the ${count(shown.length)} surest mistakes. They are copies of images: think of it before you send this page on.`,
    `<div class="pictures">${pictures.join("")}</div>`,
  );
};
