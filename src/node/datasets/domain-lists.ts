/** @file Domain-incremental benchmarks in DomainNet's layout: lists beside folders or archives. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import { type DomainList, domainSplit, parseDomainList } from "../../data/domain-lists.ts";
import { InputError } from "../../tensor/errors.ts";
import { folderFiles, type ImageFiles } from "./image-files.ts";
import { tarFiles } from "./tar-files.ts";
import { zipFiles } from "./zip-files.ts";

/** What a benchmark says of itself. */
export interface DomainLayout {
  readonly name: string;
  readonly domainNames: readonly string[];
  readonly classes: number;
}

const PARTS = ["train", "test"] as const;

/** What `openDomainLists` needs, in words. */
export function domainNeeds({ name, domainNames }: Pick<DomainLayout, "name" | "domainNames">): string {
  const some = `<domain>_train.txt and <domain>_test.txt (lines "path label")`;
  return `a folder with ${some} and the images as <domain>/<class>/, <domain>.zip or ${name}.tar, of the domains ${domainNames.join(", ")}`;
}

/**
 * Opens lists and checks that every image they name is there: in `<domain>/`, else in `<domain>.zip`, else in
 * `<name>.tar` or `<name>.zip`. Archives are read in place.
 * @throws InputError that names the list, the line and the image.
 */
export async function openDomainLists(root: string, layout: DomainLayout): Promise<Dataset> {
  const { name, domainNames, classes } = layout;
  const present = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "no such folder" : error.message;
    throw new InputError(`${root}: ${reason}; ${name} needs ${domainNeeds(layout)}`, { cause: error });
  });
  const missing = domainNames
    .flatMap((domain) => PARTS.map((part) => listName(domain, part)))
    .filter((file) => !present.includes(file));
  if (missing.length > 0) {
    throw new InputError(`${root}: ${missing.join(", ")} missing; ${name} needs ${domainNeeds(layout)}`);
  }
  const lists: DomainList[] = [];
  for (const [domain, domainName] of domainNames.entries()) {
    for (const part of PARTS) {
      const list = listName(domainName, part);
      const text = await readFile(join(root, list), "utf8");
      lists.push({ name: list, domain, part, entries: parseDomainList(list, domainName, text) });
    }
  }
  const split = domainSplit(lists, classes);
  const opened = new Map<string, Promise<ImageFiles>>();
  const files: ImageFiles[] = [];
  for (const domain of domainNames) {
    const place = placeOf(domain, layout, present, root);
    if (!opened.has(place)) opened.set(place, openPlace(root, place));
    files.push(await opened.get(place)!);
  }
  for (const list of lists) await checkListed(list, files[list.domain]!);
  return {
    name,
    domainNames,
    ...split,
    async read(sample) {
      return { kind: "encoded", bytes: await files[sample.domain]!.read(sample.id) };
    },
  };
}

const listName = (domain: string, part: (typeof PARTS)[number]): string => `${domain}_${part}.txt`;

/** "." for folders, else the archive's name. */
function placeOf(domain: string, { name }: DomainLayout, present: readonly string[], root: string): string {
  if (present.includes(domain)) return ".";
  const archives = [`${domain}.zip`, `${domain}.tar`, `${name}.tar`, `${name}.zip`];
  const found = archives.find((archive) => present.includes(archive));
  if (found !== undefined) return found;
  const packed = present.find((file) =>
    [domain, name].some((stem) => file.match(/^(.+?)\.(tgz|tar\.gz)$/)?.[1] === stem),
  );
  const advice =
    packed === undefined ? "" : `; ${packed} can't be read in place: unpack it once with tar xzf ${packed}`;
  throw new InputError(
    `${root}: no images of domain ${domain}; expected ${domain}/ or one of ${archives.join(", ")}${advice}`,
  );
}

async function openPlace(root: string, place: string): Promise<ImageFiles> {
  if (place === ".") return folderFiles(root);
  return place.endsWith(".zip") ? zipFiles(join(root, place)) : tarFiles(join(root, place));
}

async function checkListed({ name, entries }: DomainList, files: ImageFiles): Promise<void> {
  let first: string | undefined;
  let others = 0;
  for (const { path, line } of entries) {
    if (await files.has(path)) continue;
    if (first === undefined) first = `${name} line ${line}: ${path} is not in ${files.place}`;
    else others++;
  }
  if (first === undefined) return;
  const more = others === 0 ? "" : ` (and ${others} more of this list)`;
  throw new InputError(`${first}${more}; add what is missing, or take it off the list`);
}
