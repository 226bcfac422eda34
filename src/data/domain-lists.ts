/** @file DomainNet's list files: `<domain>_train.txt` and `<domain>_test.txt`, a line "path label" an image. */
import { InputError } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { withSlashes } from "./file-names.ts";
import { Findings } from "./problems.ts";

/** One line of a list. */
export interface ListEntry {
  /** Below the data folder, with "/": "photo/dog/1.jpg". */
  readonly path: string;
  readonly label: number;
  /** Counted from 1. */
  readonly line: number;
}

/** The images of one domain for training or for testing. */
export interface DomainList {
  /** File name, for messages. */
  readonly name: string;
  /** Index into the domains. */
  readonly domain: number;
  readonly part: "train" | "test";
  readonly entries: readonly ListEntry[];
}

/**
 * The lines of a list, which must be `<domain>/<class>/<file> <label>`.
 * @throws DataProblemsError that name the list and every wrong line.
 */
export function parseDomainList(name: string, domain: string, text: string): ListEntry[] {
  const entries: ListEntry[] = [];
  const findings = new Findings();
  const rows = text.replace(/^\ufeff/, "").split("\n");
  for (const [index, raw] of rows.entries()) {
    const row = raw.trim();
    if (row === "") continue;
    const line = index + 1;
    const entry = findings.of(() => parseLine(`${name} line ${line}`, domain, row));
    if (entry !== undefined) entries.push({ ...entry, line });
  }
  if (entries.length === 0 && findings.none) {
    findings.add(`${name}: no image is listed; expected lines as "${domain}/dog/1.jpg 0"`);
  }
  findings.stop();
  return entries;
}

function parseLine(where: string, domain: string, row: string): Omit<ListEntry, "line"> {
  const found = /^(.*\S)\s+(\d+)$/.exec(row);
  if (found === null) {
    throw new InputError(
      `${where}: "${row}" has no label; expected a path and a number, as in "${domain}/dog/1.jpg 0"`,
    );
  }
  const path = withSlashes(found[1]!);
  const folders = path.split("/");
  if (folders.includes("..") || folders[0] === "" || /^[A-Za-z]:/.test(path)) {
    throw new InputError(`${where}: "${path}" leads out of the data folder; expected a path below it`);
  }
  if (folders.length < 3 || folders[0] !== domain) {
    throw new InputError(`${where}: "${path}" is not of the form ${domain}/<class>/<file>; correct the list`);
  }
  return { path, label: Number(found[2]) };
}

/**
 * Classes and samples of all lists together; the classes' names are the folders in the paths.
 * @throws DataProblemsError if the lists contradict each other, an image is listed twice, or not all `classes` are there.
 */
export function domainSplit(
  lists: readonly DomainList[],
  classes: number,
): Pick<Dataset, "classNames" | "train" | "test"> {
  const findings = new Findings();
  const names = classLabels(lists, findings);
  const listed = new Map<string, string>();
  const samples = { train: [] as Sample[], test: [] as Sample[] };
  for (const list of lists) {
    for (const { path, label, line } of list.entries) {
      const other = listed.get(path);
      if (other !== undefined) {
        findings.add(`${list.name} line ${line}: ${path} is also in ${other}; list each image once`);
      }
      listed.set(path, list.name);
      samples[list.part].push({ id: path, label, domain: list.domain });
    }
  }
  const gap = Array.from({ length: names.size }, (_, label) => label).find((label) => !names.has(label));
  if (gap !== undefined || names.size !== classes) {
    const wrong = gap === undefined ? `${names.size} classes are listed` : `no image has label ${gap}`;
    findings.add(
      `${lists.map(({ name }) => name).join(", ")}: ${wrong}; expected ${classes} classes with the labels 0 to ${classes - 1}`,
    );
  }
  findings.stop();
  return { classNames: Array.from({ length: classes }, (_, label) => names.get(label)!), ...samples };
}

/** The class of each label. Contradictions are added to the findings, one for all lines that say the same. */
function classLabels(lists: readonly DomainList[], findings: Findings): Map<number, string> {
  const names = new Map<number, { readonly name: string; readonly where: string }>();
  const labels = new Map<string, { readonly label: number; readonly where: string }>();
  const wrong = new Map<string, { readonly problem: string; others: number }>();
  for (const list of lists) {
    for (const { path, label, line } of list.entries) {
      const name = path.split("/").at(-2)!.normalize("NFC");
      const named = names.get(label);
      if (named?.name === name) continue;
      const where = `${list.name} line ${line}`;
      const numbered = labels.get(name);
      if (named === undefined && numbered === undefined) {
        names.set(label, { name, where });
        labels.set(name, { label, where });
        continue;
      }
      const before =
        named === undefined
          ? `${numbered!.where} gives "${name}" label ${numbered!.label}`
          : `${named.where} has "${named.name}" under it`;
      const said = wrong.get(`${label} ${name}`);
      if (said !== undefined) said.others++;
      else {
        const problem = `${where}: class "${name}" has label ${label}, but ${before}`;
        wrong.set(`${label} ${name}`, { problem, others: 0 });
      }
    }
  }
  for (const { problem, others } of wrong.values()) {
    const more = others === 0 ? "" : ` (and ${others} more lines)`;
    findings.add(`${problem}${more}; each label is one class in all lists`);
  }
  return new Map([...names].map(([label, { name }]) => [label, name]));
}
