/** @file Domain-incremental benchmarks in DomainNet's layout: lists beside folders or archives. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import { type DomainList, domainSplit, parseDomainList } from "../../data/domain-lists.ts";
import { Findings } from "../../data/problems.ts";
import { InputError } from "../../tensor/errors.ts";
import { type FileTree, folderTree, sizeIn, sourceOf } from "../archives/file-tree.ts";
import { archiveNamed, openArchive } from "../archives/places.ts";
import { readTextSync } from "../files/read.ts";
import { openParquet } from "./parquet-dataset.ts";

/** What a benchmark says of itself. */
export interface DomainLayout {
  readonly name: string;
  readonly domainNames: readonly string[];
  readonly classes: number;
  /** Where the Hub has it without a split: seed by which a fifth of each class in each domain is for testing. */
  readonly hubSplitSeed?: number;
}

const PARTS = ["train", "test"] as const;

/** What `openDomainLists` needs, in words. */
export function domainNeeds({ name, domainNames }: Pick<DomainLayout, "name" | "domainNames">): string {
  const some = `<domain>_train.txt and <domain>_test.txt (lines "path label")`;
  return `a folder with ${some} and the images as <domain>/<class>/, <domain>.zip or ${name}.tar, of the domains ${domainNames.join(", ")}; or the Hub's parquet files`;
}

/**
 * Opens lists and checks that every image they name is there: in `<domain>/`, else in an archive `<domain>`, else in an
 * archive `<name>` (.tar or .zip, read in place, or .tgz, unpacked once to a .tar beside it).
 * @throws DataProblemsError that name the lists, the lines and the images.
 */
export async function openDomainLists(root: string, layout: DomainLayout): Promise<Dataset> {
  const { name, domainNames, classes } = layout;
  const columns = { name, classes, domainNames, image: "image", label: "label" };
  const { hubSplitSeed: splitSeed } = layout;
  const fromHub = await openParquet(root, splitSeed === undefined ? columns : { ...columns, splitSeed });
  if (fromHub !== undefined) return fromHub;
  const present = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "no such folder" : error.message;
    throw new InputError(`${root}: ${reason}; ${name} needs ${domainNeeds(layout)}`, { cause: error });
  });
  await checkPresent(root, layout, present);
  const lists = await readLists(root, domainNames);
  const findings = new Findings();
  const split = findings.of(() => domainSplit(lists, classes));
  const opened = new Map<string, Promise<FileTree>>();
  const trees: (FileTree | undefined)[] = [];
  for (const domain of domainNames) {
    const tree = await findings.ofAsync(async () => {
      const place = placeOf(domain, layout, present, root);
      if (!opened.has(place)) opened.set(place, openPlace(root, place));
      return opened.get(place)!;
    });
    trees.push(tree);
  }
  for (const list of lists) {
    const tree = trees[list.domain];
    if (tree !== undefined) await checkListed(list, tree, findings);
  }
  findings.stop();
  return {
    name,
    domainNames,
    ...split!,
    source: ({ domain, id }) => sourceOf(trees[domain]!, id),
    size: ({ domain, id }) => sizeIn(trees[domain]!, id),
    async read(sample) {
      return { kind: "encoded", bytes: await trees[sample.domain]!.read(sample.id) };
    },
  };
}

const listName = (domain: string, part: (typeof PARTS)[number]): string => `${domain}_${part}.txt`;

/** @throws InputError if a list is missing; says so if the lists are one folder further down. */
async function checkPresent(root: string, layout: DomainLayout, present: readonly string[]): Promise<void> {
  const wanted = layout.domainNames.flatMap((domain) => PARTS.map((part) => listName(domain, part)));
  const missing = wanted.filter((file) => !present.includes(file));
  if (missing.length === 0) return;
  for (const name of missing.length === wanted.length ? present : []) {
    const deeper = await readdir(join(root, name)).catch((): string[] => []);
    if (wanted.every((file) => deeper.includes(file))) {
      throw new InputError(`${root}: the lists are in ${join(root, name)}; give that as --data`);
    }
  }
  throw new InputError(`${root}: ${missing.join(", ")} missing; ${layout.name} needs ${domainNeeds(layout)}`);
}

async function readLists(root: string, domainNames: readonly string[]): Promise<DomainList[]> {
  const lists: DomainList[] = [];
  const findings = new Findings();
  for (const [domain, domainName] of domainNames.entries()) {
    for (const part of PARTS) {
      const list = listName(domainName, part);
      const text = readTextSync(join(root, list));
      const entries = findings.of(() => parseDomainList(list, domainName, text));
      lists.push({ name: list, domain, part, entries: entries ?? [] });
    }
  }
  findings.stop();
  return lists;
}

/** "." for folders, else the archive's name. */
function placeOf(domain: string, { name }: DomainLayout, present: readonly string[], root: string): string {
  if (present.includes(domain)) return ".";
  const found = archiveNamed(domain, present) ?? archiveNamed(name, present);
  if (found !== undefined) return found;
  throw new InputError(
    `${root}: no images of domain ${domain}; expected ${domain}/ or an archive ${domain} or ${name} (.tar, .zip or .tgz)`,
  );
}

async function openPlace(root: string, place: string): Promise<FileTree> {
  return place === "." ? folderTree(root) : openArchive(join(root, place));
}

async function checkListed({ name, entries }: DomainList, tree: FileTree, findings: Findings): Promise<void> {
  let first: string | undefined;
  let others = 0;
  for (const { path, line } of entries) {
    if (await tree.has(path)) continue;
    if (first === undefined) first = `${name} line ${line}: ${path} is not in ${tree.place}`;
    else others++;
  }
  if (first === undefined) return;
  const more = others === 0 ? "" : ` (and ${others} more of this list)`;
  findings.add(`${first}${more}; add what is missing, or take it off the list`);
}
