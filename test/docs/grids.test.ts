/** @file docs/grids.md: its first grid runs as it stands there, and every grid in it is one. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { openGrid } from "../../src/node/grid/table-file.ts";
import { Workplace } from "../cli/command.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs", "grids.md"), "utf8");
const place = new Workplace();
afterAll(() => place.remove());

const grids = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

test("every grid in it has cells", () => {
  const counts = grids.map((text, i) => {
    const file = join(place.path, `${i}.yaml`);
    writeFileSync(file, text);
    return openGrid(file).cells.length;
  });
  expect(counts).toEqual([4, 13]);
});

test("its commands run, and print what they say", async () => {
  writeFileSync(join(place.path, "table.yaml"), grids[0]!);
  const commands = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page)![1]!.trim().split("\n");
  const printed: string[] = [];
  for (const command of commands) {
    const words = command.replace(/ +#.*$/, "").split(" ");
    expect(words.slice(0, 2)).toEqual(["npx", "fmlora"]);
    const { code, stdout, stderr } = await place.fmlora(words.slice(2));
    expect(code, stderr).toBe(0);
    printed.push(stdout);
  }
  expect(printed[0]!.trim().split("\n").length).toBe(4);
  expect(printed[2]).toMatch(/^4 of 4 cells done\n/);
  expect(printed[3]).toMatch(/^lda +lda +2 /m);
}, 240_000);

test("it shows the example as it is, which runs", () => {
  const example = join(root, "examples", "own-logger.ts");
  const shown = /<!-- examples\/own-logger\.ts -->\n```ts\n(.*?)```/s.exec(page)?.[1];
  expect(shown).toBe(readFileSync(example, "utf8"));
  const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
  const printed = execFileSync(process.execPath, [tsx, example, join(place.path, "logged")], {
    encoding: "utf8",
  });
  expect(printed).toMatch(/^ncm accuracy 1 /m);
  expect(printed).toMatch(/finished\n$/);
}, 120_000);

test("every command and option that it names is there", async () => {
  const helps = await Promise.all(
    [
      ["run"],
      ["worker"],
      ["grid"],
      ...["run", "status", "submit", "enqueue", "collect"].map((name) => ["grid", name]),
    ].map(async (words) => (await place.fmlora([...words, "--help"])).stdout),
  );
  const known = new Set(helps.join("\n").match(/--[a-z-]+/g));
  const named = new Set(page.match(/--[a-z][a-z-]+/g));
  expect([...named].filter((flag) => !known.has(flag) && !["--logdir"].includes(flag))).toEqual([]);
}, 120_000);
