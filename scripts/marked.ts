/** @file Parts of hand-written pages that scripts write: they stand between `<!-- NAME -->` and `<!-- /NAME -->`. */

/** The page with the part of that name replaced. @throws if it has none */
export function withMarked(page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start < 0 || stop < start) throw new Error(`expected ${begin} and ${end}`);
  return `${page.slice(0, start + begin.length)}\n${text}\n${page.slice(stop)}`;
}
