/** @file Adapted sites sorted for display: by projection, then by block as a number. */

/** The sites of one projection, such as "query". */
export interface SiteGroup {
  readonly projection: string;
  /** In order of block; `label` is the block's number, or the whole name where it has none. */
  readonly sites: readonly { readonly name: string; readonly label: string; readonly block: number }[];
}

/** "blocks.3.query" is block 3 of the projection "query"; names without a block number form a group of their own. */
export function groupSites(names: readonly string[]): SiteGroup[] {
  const groups = new Map<string, { name: string; label: string; block: number }[]>();
  for (const name of names) {
    const match = /^(?:.*?\.)?(\d+)\.(.+)$/.exec(name);
    const projection = match?.[2] ?? "other sites";
    const site = { name, label: match?.[1] ?? name, block: match === null ? 0 : Number(match[1]) };
    const group = groups.get(projection);
    if (group === undefined) groups.set(projection, [site]);
    else group.push(site);
  }
  return [...groups]
    .map(([projection, sites]) => ({ projection, sites: sites.toSorted((a, b) => a.block - b.block) }))
    .toSorted((a, b) => (a.projection < b.projection ? -1 : a.projection > b.projection ? 1 : 0));
}
