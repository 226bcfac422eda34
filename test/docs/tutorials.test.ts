/** @file The tutorials' commands run as they stand there, from folders that begin empty. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { bashBesideServer, bashWithNpx } from "../support/npx.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const places: string[] = [];
afterAll(() => {
  for (const place of places) rmSync(place, { recursive: true, force: true });
});

const pageOf = (name: string): string => readFileSync(join(root, "docs", "tutorials", `${name}.md`), "utf8");

/** What `npm install` brings there is what a clone has. */
function installed(): string {
  const place = mkdtempSync(join(tmpdir(), "fm-lora-tutorial-"));
  places.push(place);
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"), "junction");
  return place;
}

/** The blocks after a mark, in their order. */
const blocks = (page: string, mark: string): string[] =>
  [...page.matchAll(new RegExp(`<!-- ${mark} -->\\n\`\`\`\\w+\\n(.*?)\`\`\``, "gs"))].map(
    ([, text]) => text!,
  );

test("a classifier that keeps learning", () => {
  const page = pageOf("keeps-learning");
  const place = installed();
  for (const name of ["drawings.mjs", "keeps-learning.mjs"]) {
    const [shown] = blocks(page, `examples/${name}`);
    expect(shown).toBe(readFileSync(join(root, "examples", name), "utf8"));
    writeFileSync(join(place, name), shown!);
  }
  const output = bashWithNpx(place, blocks(page, "runs").join("\n"));
  expect(output).toContain("new: cat, dog, penguin\n");
  expect(output.match(/^new: apple, banana, pig$/gm)).toHaveLength(2);
  expect(output).toMatch(/^\d+\.\d % of 18 images$/m);
  expect(output).toContain("it knows again: cat, dog, penguin\n");
  expect(output).toContain("knows again [ 'cat', 'dog', 'penguin' ]\n");
  expect(output).toContain("things-onnx: config.json");

  const [serve] = blocks(page, "serves").map((block) => block.split("  ")[0]);
  const [ask] = blocks(page, "asks");
  const answer = bashBesideServer(place, serve!, 8091, ask!);
  expect(answer).toContain('"label":"cat"');
}, 600_000);

test("compare a method honestly", () => {
  const page = pageOf("compare-honestly");
  const place = installed();
  writeFileSync(join(place, "table.yaml"), blocks(page, "table\\.yaml")[0]!);
  const output = bashWithNpx(place, blocks(page, "runs").join("\n"));
  expect(output).toMatch(/^no training \d+\.\d % \(frozen lda\)$/m);
  expect(output).toMatch(/^fm-lora\/rows .* one seed/m);
  expect(output).toMatch(/^lda +lda +3 .*(tie|lower|higher)/m);
  expect(output).toMatch(/^runs\/first +lda /m);
  expect(readFileSync(join(place, "compared.html"), "utf8")).toContain("</html>");
  expect(readFileSync(join(place, "compared.csv"), "utf8")).toContain("fm-lora");
}, 600_000);
