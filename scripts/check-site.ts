/** @file Every link of the built documentation leads to a page, and to a place on it, that is there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, sep } from "node:path";

/**
 * VitePress checks links to pages in their text; anchors, and what menus name, are left to this.
 * @param base - The address of the folder on its server.
 * @throws naming every dead link
 */
export function checkSite(folder: string, base: string): void {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.split(sep).join("/"))
    .filter((file) => file.endsWith(".html") && !file.startsWith("playground/"));
  const pages = new Map(files.map((file) => [file, readFileSync(join(folder, file), "utf8")]));
  const anchors = new Map([...pages].map(([file, html]) => [file, new Set(all(html, / id="([^"]*)"/g))]));
  const dead = [...pages].flatMap(([file, html]) =>
    [...new Set(all(html, /<a [^>]*?href="([^"]*)"/g))].flatMap((link) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [path, anchor] = link.split("#") as [string, string?];
      const inside = path.startsWith(base);
      const target = inside ? path.slice(base.length) : posix.join(posix.dirname(file), path);
      const page = path === "" ? file : /(^|\/)$/.test(target) ? `${target}index.html` : target;
      const there = (inside || !path.startsWith("/")) && existsSync(join(folder, page));
      const found = there && (anchor === undefined || anchors.get(page)?.has(anchor));
      return found ? [] : [`${file}: ${link}`];
    }),
  );
  if (dead.length > 0) throw new Error(`dead links on the site:\n${dead.join("\n")}`);
}

/** VitePress writes attributes in double quotes. */
const all = (html: string, pattern: RegExp): string[] =>
  [...html.matchAll(pattern)].map(([, value]) => decodeURIComponent(value!.replaceAll("&amp;", "&")));
