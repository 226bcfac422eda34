/** @file Data sets as the Hugging Face Hub keeps them: parquet files named train-* and test-*, a row an image. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { isHidden } from "../../data/file-names.ts";
import { Findings } from "../../data/problems.ts";
import { InputError } from "../../tensor/errors.ts";
import { openRemoteTable, type RemoteTable } from "../archives/parquet-thread.ts";
import { heldOut } from "./class-folders.ts";

/** What the columns of a benchmark's parquet files are called, and how many classes there must be. */
export interface ParquetLayout {
  readonly name: string;
  /** Column with the encoded image, alone or as `bytes` of a structure. */
  readonly image: string;
  /** Column of numbers, whose names are in the file, or of names. */
  readonly label: string;
  readonly classes: number;
  /** The benchmark's domains, in its order, where a column `domain` tells them. */
  readonly domainNames?: readonly string[];
  /** Seed of an 80 to 20 split, for data that comes without one. */
  readonly splitSeed?: number;
}

interface Part {
  readonly part: "train" | "test";
  readonly table: RemoteTable;
}

/** Classes that are counted. */
const MOST_CLASSES = 65_536;

type Cells = readonly (number | string | null)[];

/**
 * Opens the parquet files of a folder, or of its folders.
 * @returns undefined if there are none
 * @throws DataProblemsError if files are missing or damaged, or hold other columns, classes or domains
 */
export async function openParquet(root: string, layout: ParquetLayout): Promise<Dataset | undefined> {
  const files = await parquetFiles(root);
  if (files.length === 0) return undefined;
  checkShards(root, files);
  const findings = new Findings();
  const parts: Part[] = [];
  for (const file of files) {
    const table = await findings.ofAsync(() => openRemoteTable(join(root, file)));
    const part = basename(file).startsWith("train") ? "train" : "test";
    if (table !== undefined) parts.push({ part, table });
  }
  findings.stop();
  const rows = await allRows(root, parts, layout, findings);
  findings.stop();
  const tables = new Map(parts.map(({ table }) => [basename(table.file), table]));
  return {
    ...rows!,
    async read({ id }) {
      const at = id.lastIndexOf("#");
      const table = tables.get(id.slice(0, at));
      if (table === undefined) throw new InputError(`${id}: no such row in ${root}`);
      return { kind: "encoded", bytes: await table.image(layout.image, Number(id.slice(at + 1))) };
    },
  };
}

/** Paths below `root`, at most one folder down, sorted. */
async function parquetFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = entries.filter((entry) => entry.isDirectory() && !isHidden(entry.name));
  const deeper = await Promise.all(
    folders.map(async ({ name: folder }) =>
      (await readdir(join(root, folder)).catch(() => [])).map((name) => `${folder}/${name}`),
    ),
  );
  return [...entries.map(({ name }) => name), ...deeper.flat()]
    .filter((path) => /^(train|test)(-[^/]*)?\.parquet$/.test(basename(path)))
    .sort();
}

/** "train-00001-of-00003.parquet" tells how many there are. @throws DataProblemsError */
function checkShards(root: string, files: readonly string[]): void {
  const findings = new Findings();
  const names = files.map((file) => basename(file));
  for (const name of names) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) {
      findings.add(`${root}: ${name} is in two folders; keep one data set in a folder`);
    }
    const found = /^(.*-)\d{5}-of-(\d{5})(.*)$/.exec(name);
    for (let shard = 0; found !== null && shard < Number(found[2]); shard++) {
      const wanted = `${found[1]}${String(shard).padStart(5, "0")}-of-${found[2]}`;
      if (!names.some((each) => each.startsWith(wanted))) {
        findings.add(`${root}: ${wanted}.parquet is missing; fetch the data set again`);
      }
    }
  }
  findings.stop();
}

async function allRows(
  root: string,
  parts: readonly Part[],
  layout: ParquetLayout,
  findings: Findings,
): Promise<Omit<Dataset, "read"> | undefined> {
  const { name, label, image, classes, domainNames, splitSeed } = layout;
  const columns = await findings.ofAsync(() =>
    Promise.all(
      parts.map(async ({ table }) => {
        if (!table.columns.includes(image)) await table.column(image); // says which columns there are
        const domains = domainNames === undefined ? undefined : await table.column("domain");
        return { table, labels: await table.column(label), domains };
      }),
    ),
  );
  if (columns === undefined) return undefined;
  const named = parts[0]!.table.names(label);
  const classNames = named ?? namesIn(columns.map(({ labels }) => labels));
  if (classNames.length !== classes) {
    findings.add(
      `${root}: ${classNames.length} classes in column "${label}"; ${name} has ${classes}: fetch it again`,
    );
  }
  const samples = { train: [] as Sample[], test: [] as Sample[] };
  for (const [index, { table, labels, domains }] of columns.entries()) {
    const labelOf = reader(table, label, classNames, labels, findings);
    const domainOf = domainNames && reader(table, "domain", domainNames, textual(table, domains!), findings);
    for (let row = 0; row < table.rows; row++) {
      const id = `${basename(table.file)}#${row}`;
      samples[parts[index]!.part].push({ id, label: labelOf(row), domain: domainOf?.(row) ?? 0 });
    }
  }
  const split = withTest(root, samples, classNames, splitSeed, findings);
  const seeded = split === samples ? "" : ` (80 to 20 by seed ${splitSeed})`;
  return { name: `${name}${seeded}`, classNames, domainNames: domainNames ?? ["photo"], ...split };
}

/** Names in a column of text, sorted by their characters; numbers in a column without names stand for themselves. */
function namesIn(columns: readonly Cells[]): string[] {
  const found = new Set(columns.flat());
  const numbers = [...found].filter((cell) => typeof cell === "number");
  if (numbers.length > 0) {
    const highest = numbers.reduce((most, number) => Math.max(most, number), 0);
    // No benchmark has as many classes; the count is complained of.
    return Array.from({ length: Math.min(MOST_CLASSES, highest + 1) }, (_, label) => String(label));
  }
  return [...found].filter((cell) => typeof cell === "string").sort();
}

/** Domains as numbers become the names that the file gives them, whose order need not be the benchmark's. */
function textual(table: RemoteTable, domains: Cells): Cells {
  const names = table.names("domain");
  return names === undefined
    ? domains
    : domains.map((cell) => (typeof cell === "number" ? (names[cell] ?? cell) : cell));
}

/** The index of each row's value among `names`; the first that is none of them is a problem. */
function reader(
  table: RemoteTable,
  column: string,
  names: readonly string[],
  cells: Cells,
  findings: Findings,
): (row: number) => number {
  const places = new Map(names.map((name, place) => [name, place]));
  const place = (cell: number | string | null): number | undefined =>
    typeof cell === "string"
      ? places.get(cell)
      : cell !== null && cell >= 0 && cell < names.length
        ? cell
        : undefined;
  const wrong = cells.findIndex((cell) => place(cell) === undefined);
  if (wrong >= 0) {
    const expected = names.length > 10 ? `one of ${names.length}` : names.join(", ");
    findings.add(
      `${table.file}: row ${wrong} has ${column} ${JSON.stringify(cells[wrong])}; expected ${expected}: fetch the data set again`,
    );
  }
  return (row) => place(cells[row]!) ?? 0;
}

/** The split that the files have, or a seeded one where they have only one part. */
function withTest(
  root: string,
  samples: { readonly train: Sample[]; readonly test: Sample[] },
  classNames: readonly string[],
  splitSeed: number | undefined,
  findings: Findings,
): { readonly train: readonly Sample[]; readonly test: readonly Sample[] } {
  const { train, test } = samples;
  if (train.length > 0 && test.length > 0) return samples;
  if (splitSeed === undefined) {
    const missing = train.length === 0 ? "train" : "test";
    findings.add(`${root}: no ${missing}-*.parquet, or no row in it; fetch the data set again`);
    return samples;
  }
  const groups = new Map<string, Sample[]>();
  for (const sample of [...train, ...test]) {
    const group = `${sample.domain} ${classNames[sample.label]}`;
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [sample]);
    else members.push(sample);
  }
  const split = { train: [] as Sample[], test: [] as Sample[] };
  for (const [group, members] of groups) {
    const held = heldOut(
      members.map(({ id }) => id),
      splitSeed,
      group,
    );
    for (const sample of members) split[held.has(sample.id) ? "test" : "train"].push(sample);
  }
  return split;
}
