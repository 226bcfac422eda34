/** @file All images below a folder, each real folder once, and a count of what was not read. */
import { posix, sep } from "node:path";
import { isImageName, unreadEnding } from "../../data/file-names.ts";
import { InputError } from "../../tensor/errors.ts";
import type { FileTree, Listing } from "./file-tree.ts";

/** What readers of images leave out or take in unasked. */
const KINDS = {
  unread: ["images in formats that are not read", "; convert them to PNG or JPEG"],
  nested: ["images in folders inside of class folders, taken as images of the class", ""],
  outside: ["images outside of class folders, left out", "; put them into one"],
  beside: ["folders beside train/ and test/, left out", ""],
  again: ["links to folders that are read anyway, passed over", ""],
  lost: ["names that lead to nothing that can be read", "; mend or remove them"],
  closed: ["folders that can't be listed, left out", "; mend or remove them"],
} as const;

/** Counts what a user should know of a place with images: told as notices, a line each. */
export class Leftovers {
  readonly #found = new Map<keyof typeof KINDS, { count: number; readonly first: string }>();
  readonly #endings = new Map<string, number>();

  /** One more of that kind. */
  add(kind: keyof typeof KINDS, path: string): void {
    const known = this.#found.get(kind);
    if (known === undefined) this.#found.set(kind, { count: 1, first: path });
    else known.count++;
  }

  /** The images among the files of a folder that nothing decodes. */
  addUnread(folder: string, files: readonly string[]): void {
    for (const file of files) {
      const ending = unreadEnding(file);
      if (ending === undefined) continue;
      this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1);
      this.add("unread", posix.join(folder, file));
    }
  }

  /** Adds what others have counted, after what is here. */
  merge(other: Leftovers): void {
    for (const [kind, { count, first }] of other.#found) {
      const known = this.#found.get(kind);
      if (known === undefined) this.#found.set(kind, { count, first });
      else known.count += count;
    }
    for (const [ending, count] of other.#endings) {
      this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + count);
    }
  }

  /** "images in formats that are not read: 3 (2 .bmp, 1 .tiff; the first: a/x.bmp); convert them to PNG or JPEG" */
  get notices(): string[] {
    return [...this.#found].map(([kind, { count, first }]) => {
      const [what, advice] = KINDS[kind];
      const endings = [...this.#endings].map(([ending, number]) => `${number} ${ending}`).join(", ");
      const parts = kind === "unread" ? `${endings}; ` : "";
      return `${what}: ${count.toLocaleString("en")} (${parts}the first: ${first})${advice}`;
    });
  }
}

/**
 * Paths of all images below a folder of a tree, in the order of their characters. Real folders come first, then those
 * that links lead to, each once: links to what is read anyway, circles, and links to what this folder lies in are passed
 * over.
 * @param seen folders that are read elsewhere, by `FileTree.identity`; gets those that are read here
 */
export async function imagesBelow(
  tree: FileTree,
  folder: string,
  leftovers: Leftovers,
  seen: Set<string> = new Set(),
): Promise<string[]> {
  const images: string[] = [];
  const links: string[] = [];
  const start = await tree.identity(folder);
  const visit = async (path: string): Promise<void> => {
    const identity = await tree.identity(path);
    const leadsUp = identity !== start && start.startsWith(identity.replace(/[\\/]?$/, sep));
    if (leadsUp || seen.has(identity)) {
      leftovers.add("again", path);
      return;
    }
    seen.add(identity);
    const listing = await listed(tree, path, leftovers);
    if (listing === undefined) return;
    const { files, folders } = listing;
    for (const file of files) if (isImageName(file)) images.push(posix.join(path, file));
    for (const name of folders) {
      const inside = posix.join(path, name);
      if (listing.links.includes(name)) links.push(inside);
      else await visit(inside);
    }
  };
  await visit(folder);
  for (let next = links.shift(); next !== undefined; next = links.shift()) await visit(next);
  return images.sort();
}

/** What is in a folder; what is left out of it is counted. undefined: it can't be listed. */
async function listed(tree: FileTree, path: string, leftovers: Leftovers): Promise<Listing | undefined> {
  try {
    const listing = await tree.list(path);
    leftovers.addUnread(path, listing.files);
    for (const lost of listing.lost) leftovers.add("lost", posix.join(path, lost));
    return listing;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    leftovers.add("closed", error.message);
    return undefined;
  }
}
