/** @file The examples of docs/learner.md run as they stand there. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bashWithNpx } from "../support/npx.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs", "learner.md"), "utf8");
const example = join(root, "examples", "learner.ts");
const place = mkdtempSync(join(tmpdir(), "fm-lora-docs-learner-"));
const TIMEOUT = 600_000;

beforeAll(async () => {
  for (const [day, classes] of [
    ["monday", 2],
    ["tuesday", 3],
  ] as const) {
    await writeToyFolder(join(place, "photos", day), { classes, train: 5, test: 0 });
    renameSync(join(place, "photos", day, "train"), join(place, day));
    renameSync(join(place, day, "class-0"), join(place, day, "cat"));
  }
  copyFileSync(join(place, "monday", "cat", "0.png"), join(place, "photo.png"));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test(
  "the commands",
  () => {
    const [, block] = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page) ?? [];
    const output = bashWithNpx(place, block!);
    expect(output).toContain("new: cat, class-1\n");
    expect(output).toContain("new: class-2\n");
    expect(output).toMatch(/^photo\.png: .*cat [01]\.\d{3}/m);
    expect(output).toContain("cat is tomcat now\n");
    expect(output).toContain("it knows again: tomcat, class-1\n");
  },
  TIMEOUT,
);

test(
  "the program",
  () => {
    expect(/<!-- examples\/learner\.ts -->\n```ts\n(.*?)```/s.exec(page)?.[1]).toBe(
      readFileSync(example, "utf8"),
    );
    const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
    const words = [tsx, example, "monday", "tuesday", "photo.png", "program"];
    const output = execFileSync(process.execPath, words, { cwd: place, encoding: "utf8", stdio: "pipe" });
    expect(output).toMatch(/^\[ 'cat', 'class-1' \] false /);
    expect(output).toMatch(/\n\[ 'cat', 'class-1' \]\n$/);
  },
  TIMEOUT,
);

test("links to what is there", () => {
  const targets = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
  expect(targets.filter((target) => !existsSync(join(root, "docs", target)))).toEqual([]);
});
