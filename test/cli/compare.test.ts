/** @file `fmlora compare`, as a user starts it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { QUICK, Workplace } from "./command.ts";

const place = new Workplace();

beforeAll(async () => {
  await place.prepare();
  await place.fmlora([...QUICK, "--out", "fm"]);
  await place.fmlora([...QUICK, "--method", "seq-lora", "--out", "seq"]);
}, 240_000);
afterAll(() => place.remove());

test("puts runs side by side, other readouts and own names included", async () => {
  const { code, stdout } = await place.fmlora(["compare", "fm", "seq", "seq:lda", "mine=fm:head"]);
  expect(code).toBe(0);
  const rows = stdout.split("\n").filter((line) => /^(fm-lora|seq-lora|seq-lora\/lda|mine) /.test(line));
  expect(rows.map((row) => row.split(/ +/).slice(0, 2).join(" "))).toEqual([
    "fm-lora gaussian",
    "fm-lora rows",
    "seq-lora rows",
    "seq-lora gaussian",
    "seq-lora/lda lda",
    "mine rows",
    "fm-lora trains",
    "seq-lora trains",
    "seq-lora/lda trains",
    "mine trains",
    "seq-lora rows",
    "seq-lora gaussian",
    "seq-lora/lda lda",
    "mine rows",
  ]);
});

test("writes a page, Markdown and CSV beside what it prints", async () => {
  const files = ["--html", "c.html", "--markdown", "c.md", "--csv", "c.csv"];
  const { code, stdout } = await place.fmlora(["compare", "fm", "seq", ...files]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^seq-lora +gaussian +1 /m);
  const read = (file: string): string => readFileSync(join(place.path, file), "utf8");
  expect(read("c.html")).toContain("<h2>Accuracy over tasks</h2>");
  expect(read("c.md")).toMatch(/^\| seq-lora \| gaussian \| 1 \|/m);
  expect(read("c.csv").trimEnd().split("\r\n").length).toBe(5);
  expect(await place.refused("compare", "fm", "--html", "images")).toMatchInlineSnapshot(
    `"fmlora: --html images: is a folder; name a file [2]"`,
  );
});

test("keeps runs apart that were trained on other images, unless told", async () => {
  const fewer = ["--limit-per-class", "4", "--method", "ncm", "--out", "fewer"];
  await place.fmlora([...QUICK.toSpliced(QUICK.indexOf("--rank"), 2), ...fewer]);
  const apart = await place.fmlora(["compare", "fm", "fewer"]);
  expect(apart.stdout).toContain("Tables are apart where runs differ in training images a class: all; 4.");
  expect(apart.stdout).not.toContain("Difference from");
  expect(apart.stderr).toBe("tables are apart; --mixed sets all runs side by side\n");
  const mixed = await place.fmlora(["compare", "fm", "fewer", "--mixed"]);
  expect(mixed.stdout).toContain("Mixed runs, whose differences are not those of methods alone");
  expect(mixed.stdout).toContain("Difference from fm-lora");
});

test("writes Markdown, and takes one readout for all", async () => {
  const { stdout } = await place.fmlora(["compare", "fm", "seq", "--readout", "lda", "--format", "markdown"]);
  expect(stdout).toMatch(/^\| seq-lora \| lda \| 1 \|/m);
});

test("refuses what is no finished run, and readouts and references that are not there", async () => {
  mkdirSync(join(place.path, "started"));
  writeFileSync(join(place.path, "started", "config.json"), "{}");
  mkdirSync(join(place.path, "odd"));
  writeFileSync(join(place.path, "odd", "metrics.json"), '{"accuracyMatrix": []}');
  expect(await place.refused("compare", "nowhere")).toMatchInlineSnapshot(
    `"fmlora: nowhere/metrics.json: no such file; expected the folder of a finished run [2]"`,
  );
  expect(await place.refused("compare", "started")).toMatchInlineSnapshot(
    `"fmlora: started/metrics.json: no such file; the run there has not finished; continue it with --resume [2]"`,
  );
  expect(await place.refused("compare", "odd")).toMatchInlineSnapshot(
    `"fmlora: odd/metrics.json: not a run's metrics: lastAccuracy: Invalid input: expected number, received undefined [2]"`,
  );
  expect(await place.refused("compare", "fm:knn")).toMatchInlineSnapshot(
    `"fmlora: fm/metrics.json: there is no head "knn"; it has: gaussian, lda, rows [2]"`,
  );
  expect(await place.refused("compare", "fm", "--reference", "joint")).toMatchInlineSnapshot(
    `"fmlora: comparison: no run of the reference joint; there are fm-lora [2]"`,
  );
  expect(await place.refused("compare", "fm", "--format", "latex")).toMatchInlineSnapshot(
    `"fmlora: option '--format <name>' argument 'latex' is invalid. Allowed choices are markdown, text. [2]"`,
  );
});
