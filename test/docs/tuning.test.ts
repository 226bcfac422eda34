/** @file docs/tuning.md: its commands run, and what it names is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { parseSettings } from "../../src/tuning/settings-file.ts";
import { Workplace } from "../cli/command.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs", "tuning.md"), "utf8");
const place = new Workplace();
afterAll(() => place.remove());

test("its commands run, and leave what it says", async () => {
  const commands = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page)![1]!.trim().split("\n");
  let printed = "";
  for (const command of commands) {
    const words = command.split(" ");
    expect(words.slice(0, 2)).toEqual(["npx", "fmlora"]);
    const { code, stdout, stderr } = await place.fmlora(words.slice(2));
    expect(code, stderr).toBe(0);
    printed = stdout;
  }
  expect(existsSync(join(place.path, "runs", "chosen", "metrics.json"))).toBe(true);
  expect(printed.match(/^linear-probe, head-rate \S+ +rows +1 /gm)).toHaveLength(3); // two rows and a difference
}, 300_000);

test("its file is one of settings", () => {
  const text = /```json\n(.*?)```/s.exec(page)![1]!;
  expect(parseSettings(text, "tuning.md").method).toBe("seq-lora");
});

test("every option that it names is there", async () => {
  const helps = await Promise.all(["run", "tune"].map((name) => place.fmlora([name, "--help"])));
  const own = await place.fmlora(["methods"]);
  const known = new Set([...helps, own].flatMap(({ stdout }) => stdout.match(/--[a-z-]+/g) ?? []));
  expect((page.match(/--[a-z][a-z-]+/g) ?? []).filter((flag) => !known.has(flag))).toEqual([]);
}, 120_000);
