/** @file The documentation site: the pages as they lie in the repository, and those of the API. `npm run docs` builds it. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { slug } from "github-slugger";
import { defineConfig } from "vitepress";
import { checkSite } from "../../scripts/check-site.ts";
import { siteLinks } from "../../scripts/site-links.ts";
import { SIDEBAR } from "./sidebar.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Built by `npm run docs` before; without it the site has no playground. */
const PLAYGROUND = join(ROOT, "examples", "playground", "dist");

export default defineConfig({
  title: "fm-lora",
  description: "Continual learning for pre-trained Vision Transformers, in TypeScript",
  head: [["link", { rel: "icon", href: "data:," }]], // there is none, and browsers would ask
  srcDir: ROOT,
  srcExclude: ["{bench,bin,dist,examples,node_modules,runs,scripts,shared,src,test}/**"],
  // The README is the first page, and "docs/" is no part of an address.
  rewrites: {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/:page(.*)": ":page",
  },
  outDir: join(ROOT, "docs", ".vitepress", "dist"),
  cacheDir: join(ROOT, "node_modules", ".cache", "vitepress"),
  markdown: {
    anchor: { slugify: slug }, // as where repositories are read, so that an anchor works in both places
    config: (markdown) => siteLinks(markdown, ROOT),
  },
  themeConfig: {
    nav: [
      { text: "Keep learning", link: "/tutorials/keeps-learning" },
      { text: "Compare", link: "/tutorials/compare-honestly" },
      ...(existsSync(PLAYGROUND)
        ? [{ text: "Playground", link: "/playground/index.html", target: "_self" }] // no page of VitePress's own
        : []),
      { text: "API", link: "/api/" },
    ],
    sidebar: SIDEBAR,
    outline: [2, 3],
    search: { provider: "local" }, // an index in the site: nobody is asked
  },
  vite: { build: { chunkSizeWarningLimit: 2000 } }, // the index for searching is one file, fetched by who searches
  buildEnd({ outDir, site }) {
    if (existsSync(PLAYGROUND)) cpSync(PLAYGROUND, join(outDir, "playground"), { recursive: true });
    checkSite(outDir, site.base);
  },
});
