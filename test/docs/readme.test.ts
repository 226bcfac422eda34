/** @file The README's examples run as they stand there. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const example = join(root, "examples", "own-images.ts");
const place = mkdtempSync(join(tmpdir(), "fm-lora-readme-"));
const TIMEOUT = 600_000;

beforeAll(async () => {
  await writeToyFolder(join(place, "photos"), { classes: 6, train: 8, test: 3 });
  for (const part of ["train", "test"]) {
    renameSync(join(place, "photos", part, "class-0"), join(place, "photos", part, "cat"));
  }
  // `npx fmlora` is the built command, as it is in a clone.
  const npx = join(place, "npx");
  const main = join(root, "dist", "cli", "main.js");
  writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(npx, 0o755);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const run = (command: string, args: readonly string[]): string =>
  execFileSync(command, args, {
    cwd: place,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${place}${delimiter}${process.env.PATH}` },
  });

describe("README.md", () => {
  const blocks = [...readme.matchAll(/<!-- runs -->\n```bash\n(.*?)```/gs)].map(([, text]) => text!);

  test("marks the blocks that run", () => {
    expect(blocks.length).toBe(2);
    expect(blocks.every((block) => block.startsWith("npx fmlora run "))).toBe(true);
  });

  test.each(blocks.map((block) => [block.split("\n")[0]!, block]))(
    "%s ...",
    (_, block) => {
      const output = run("bash", ["-euc", block]);
      expect(output).toMatch(/^report: runs/m);
    },
    TIMEOUT,
  );

  test("shows the example as it is", () => {
    const shown = /<!-- examples\/own-images\.ts -->\n```ts\n(.*?)```/s.exec(readme)?.[1];
    expect(shown).toBe(readFileSync(example, "utf8"));
  });

  test(
    "the example runs",
    () => {
      const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
      const output = run(process.execPath, [tsx, example, "photos", join("photos", "test", "cat", "0.png")]);
      expect(output).toContain("fm-lora on folder");
      expect(output).toMatch(/\{ className: '(cat|class-\d)', probability: [\d.]+ \}/);
    },
    TIMEOUT,
  );

  test.each([
    "README.md",
    "CONTRIBUTING.md",
    ...[
      "backbones",
      "benchmarks",
      "export",
      "files",
      "grids",
      "learner",
      "method",
      "metrics",
      "options",
      "plugins",
      "tuning",
    ].map((page) => `docs/${page}.md`),
  ])("%s links to what is there", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const targets = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
    expect(targets.filter((target) => !existsSync(join(root, page, "..", target)))).toEqual([]);
  });
});
