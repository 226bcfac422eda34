/** @file A fixed split as CODA-Prompt and Mammoth publish ImageNet-R's: two YAML files of image paths and labels. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import * as z from "zod";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { withSlashes } from "../../data/file-names.ts";
import { Findings } from "../../data/problems.ts";
import { InputError } from "../../tensor/errors.ts";
import type { FileTree } from "../archives/file-tree.ts";
import { readTextSync } from "../files/read.ts";

/** The lists' names, as their owners have them. */
const SPLIT_LISTS = { train: "imagenet-r_train.yaml", test: "imagenet-r_test.yaml" } as const;

/** Where the lists are looked for, and which of them are not there. */
export interface SplitLists {
  readonly folder: string;
  readonly missing: readonly string[];
}

/** Looks for the lists in the folder that the user gave, or beside the archive. */
export async function splitLists(data: string): Promise<SplitLists> {
  const found = await stat(data).catch(() => undefined);
  const folder = found?.isFile() === true ? dirname(data) : data;
  const present = await readdir(folder).catch((): string[] => []);
  return { folder, missing: Object.values(SPLIT_LISTS).filter((list) => !present.includes(list)) };
}

/** Three times the size of the longer list. */
const LARGEST_LIST = 4 * 2 ** 20;

const listSchema = z.object({
  data: z.array(z.string()).min(1),
  targets: z.array(z.number().int().nonnegative()),
});

/**
 * The images of `tree`, as `<class>/<file>`, split by the lists: `data` has paths that end so, whatever comes before,
 * and `targets` a label for each. Labels are 0 to `classes` - 1, one a class folder.
 * @throws InputError that names the list and each entry that is wrong or missing.
 */
export async function openSplitLists(
  tree: FileTree,
  { folder, missing }: SplitLists,
  classes: number,
): Promise<Dataset> {
  if (missing.length > 0) {
    throw new InputError(
      `${folder}: ${missing.join(" and ")} missing; the split "lists" needs both there, as CODA-Prompt (dataloaders/splits) and Mammoth (datasets/imagenet_r_utils) have them`,
    );
  }
  const findings = new Findings();
  const names = new Map<number, string>();
  const listed = new Map<string, string>();
  const samples = { train: [] as Sample[], test: [] as Sample[] };
  for (const part of ["train", "test"] as const) {
    const list = SPLIT_LISTS[part];
    const { data, targets } = await readList(join(folder, list));
    for (const [index, path] of data.entries()) {
      const label = targets[index]!;
      const id = /(?:^|\/)([^/]+\/[^/]+)$/.exec(withSlashes(path))?.[1];
      const problem =
        id === undefined || id.split("/").includes("..")
          ? `"${path}" is not of the form .../<class>/<file>; fetch the list again`
          : await problemOf(id, label);
      if (problem !== undefined) findings.add(`${list}: entry ${index + 1} of data: ${problem}`);
      if (id === undefined) continue;
      listed.set(id, list);
      samples[part].push({ id, label, domain: 0 });
    }
  }
  async function problemOf(id: string, label: number): Promise<string | undefined> {
    const name = id.split("/")[0]!;
    const known = names.get(label);
    if (known === undefined) names.set(label, name);
    else if (known !== name) return `${id} has label ${label}, but so has "${known}"; fetch the list again`;
    if (listed.has(id)) return `${id} is also in ${listed.get(id)}; fetch the lists again`;
    return (await tree.has(id)) ? undefined : `${id} is not in ${tree.place}; fetch the images again`;
  }
  const labels = [...names.keys()].sort((a, b) => a - b);
  const highest = labels.at(-1) ?? -1;
  if (labels.length !== classes || highest !== classes - 1 || new Set(names.values()).size !== classes) {
    findings.add(
      `${Object.values(SPLIT_LISTS).join(" and ")}: ${new Set(names.values()).size} classes under ${labels.length} labels, the highest ${highest}; expected ${classes} classes with the labels 0 to ${classes - 1}`,
    );
  }
  findings.stop();
  return {
    name: `imagenet-r (fixed lists, ${samples.train.length} to train and ${samples.test.length} to test)`,
    classNames: labels.map((label) => names.get(label)!),
    domainNames: ["photo"],
    ...samples,
    async read(sample) {
      return { kind: "encoded", bytes: await tree.read(sample.id) };
    },
  };
}

async function readList(file: string): Promise<z.infer<typeof listSchema>> {
  const { size } = await stat(file);
  if (size > LARGEST_LIST) {
    throw new InputError(
      `${file}: has ${size} bytes; expected a list of ${LARGEST_LIST} at most: fetch it again`,
    );
  }
  let content: unknown;
  try {
    // No aliases: the lists have none, and nested ones unfold to any size. JSON is YAML, too.
    content = parse(readTextSync(file), { maxAliasCount: 0, logLevel: "error" });
  } catch (error) {
    throw new InputError(`${file}: can't be read as YAML (${(error as Error).message.split("\n")[0]})`, {
      cause: error,
    });
  }
  const result = listSchema.safeParse(content);
  if (!result.success || result.data.data.length !== result.data.targets.length) {
    throw new InputError(
      `${file}: expected a list of paths under "data" and as many labels under "targets"; fetch it again`,
    );
  }
  return result.data;
}
