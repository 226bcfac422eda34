/**
 * @file `npm run docs`: the documentation site, in docs/.vitepress/dist. A dead link fails.
 *
 *     npx tsx scripts/docs.ts [BASE]      where it will lie on its server, "/fm-lora/" for instance; default "/"
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { writeApiPages } from "./api-pages.ts";

const DOCS = fileURLToPath(new URL("../docs", import.meta.url));
const API = join(DOCS, "api");

const [base = "/"] = process.argv.slice(2);
rmSync(API, { recursive: true, force: true }); // what was removed from src must not stay
await writeApiPages(API);
await build(DOCS, { base });
console.log("docs/.vitepress/dist has the site; npx vitepress preview docs shows it");
