/** @file The documentation site is built: a link or an anchor that leads nowhere, here or in a menu, fails. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { checkSite } from "../../scripts/check-site.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "fm-lora-site-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("all of it", () => {
  const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
  execFileSync(process.execPath, [tsx, join("scripts", "docs.ts")], { cwd: root, stdio: "pipe" });
  const page = (path: string): string => readFileSync(join(root, "docs", ".vitepress", "dist", path), "utf8");
  expect(page("index.html")).toContain("A classifier that keeps learning");
  expect(page("api/fm-lora/node/functions/runBenchmark.html")).toContain("returns its metrics");
  // Of a link to what is no page, its text is left.
  expect(page("backbones.html")).not.toContain("src/nn/vit.ts&quot;");
  expect(page("backbones.html")).toContain("src/nn/vit.ts");
}, 300_000);

test("what leads nowhere is named", () => {
  writeFileSync(
    join(place, "a.html"),
    '<a href="/b.html#there">b</a> <a href="b.html">b</a> <a href="#own">own</a>',
  );
  writeFileSync(join(place, "b.html"), '<h2 id="there">b</h2> <a href="/base/a.html">a</a>');
  expect(() => checkSite(place, "/")).toThrow("dead links on the site:\na.html: #own\nb.html: /base/a.html");
  expect(() => checkSite(place, "/base/")).toThrow(
    /^dead links on the site:\na.html: \/b.html#there\na.html: #own$/,
  );
});
