/** @file Links of the repository's pages on the documentation site, which has no folder "docs" and no sources. */
import { existsSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import type MarkdownIt from "markdown-it";

/** What VitePress tells of the page at hand. */
interface PageEnvironment {
  readonly path: string;
  /** The file that was read, where `path` is that of the page's address. */
  readonly realPath?: string | undefined;
}

/**
 * Makes a link to another page one of the site, and leaves of a link to any other file of the repository its text: the
 * site doesn't have it. @throws if there is no such file
 */
export function siteLinks(markdown: MarkdownIt, root: string): void {
  markdown.core.ruler.push("site-links", ({ tokens, env }) => {
    const { path, realPath = path } = env as PageEnvironment;
    const page = relative(root, realPath).split(sep).join("/");
    for (const { children } of tokens) {
      let dropped = false;
      for (const token of children ?? []) {
        if (token.type === "link_open") {
          const address = siteAddress(root, page, token.attrGet("href") ?? "");
          dropped = address === undefined;
          if (address !== undefined) token.attrSet("href", address);
        }
        if (!dropped || !token.type.startsWith("link_")) continue;
        if (token.type === "link_close") dropped = false;
        Object.assign(token, { type: "text", tag: "", nesting: 0, content: "" });
      }
    }
  });
}

/** Where a link leads on the site; undefined if it has no such page. */
function siteAddress(root: string, page: string, link: string): string | undefined {
  if (/^([a-z]+:|#|\/)/.test(link)) return link;
  const [path, anchor] = decodeURI(link).split("#") as [string, string?];
  const target = posix.join(posix.dirname(page), path);
  if (target.startsWith("docs/api/")) return link; // written by TypeDoc, which checks them
  if (!existsSync(join(root, target))) throw new Error(`${page}: links to ${link}, which is not there`);
  const known = PAGES.find(([pattern]) => pattern.test(target));
  if (known === undefined) return undefined;
  return `/${target.replace(...known)}${anchor === undefined ? "" : `#${anchor}`}`;
}

/** Files that are pages, and their addresses. */
const PAGES: readonly (readonly [RegExp, string])[] = [
  [/^README\.md$/, ""],
  [/^CONTRIBUTING\.md$/, "contributing"],
  [/^CHANGELOG\.md$/, "changelog"],
  [/^docs\/(.+)\.md$/, "$1"],
  [/^(models\/.+)\.md$/, "$1"],
];
