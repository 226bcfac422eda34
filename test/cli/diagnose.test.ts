/** @file `fmlora diagnose`, as it is typed, on small runs on emoji. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Workplace } from "./command.ts";

const place = new Workplace();
const emoji = ["run", "emoji", "--classes", "6", "--tasks", "3", "--backbone", "backbone", "--epochs", "1"];
const few = ["--threads", "1", "--heads", "rows,lda", "--evaluate", "last"];

const read = (...path: string[]): string => readFileSync(join(place.path, ...path), "utf8");

beforeAll(async () => {
  await place.prepare();
  const fm = [...emoji, ...few, "--rank", "4", "--distillation", "1", "--out", "runs/fm"];
  expect(await place.fmlora(fm)).toMatchObject({ code: 0 });
  const joint = [...emoji, ...few, "--method", "joint", "--out", "runs/joint"];
  expect(await place.fmlora(joint)).toMatchObject({ code: 0 });
}, 240_000);
afterAll(() => place.remove());

test("a table of heads, one of tasks, and a picture", async () => {
  const { code, stdout, stderr } = await place.fmlora(["diagnose", "runs/fm", "--svg", "lost.svg"]);
  expect(code, stderr).toBe(0);
  const [titles, rows, lda, , about, , ofTasks, ...tasks] = stdout.trimEnd().split("\n");
  expect(titles!.split(/ {2,}/)).toEqual([
    "run",
    "head",
    "frozen %",
    "as learned %",
    "true statistics %",
    "lost to drift",
    "within task %",
    "right task %",
  ]);
  const { readouts } = JSON.parse(read("runs", "fm", "metrics.json"));
  const last = (head: string): string => (100 * readouts[head].lastAccuracy).toFixed(1);
  expect(rows!.split(/ {2,}/).slice(0, 6)).toEqual(["runs/fm", "rows", "–", last("rows"), "–", "–"]);
  expect(lda!.split(/ {2,}/).slice(0, 2)).toEqual(["runs/fm", "lda"]);
  expect(lda!.split(/ {2,}/)[3]).toBe(last("lda"));
  expect(about).toBe(
    "runs/fm: fm-lora on emoji, backbone, seed 1993, 6 test images; by task with the head rows",
  );
  expect(ofTasks).toMatch(/^task +images +drift from frozen +frozen % +as learned % +true statistics %$/);
  expect(tasks.map((line) => line.slice(0, 6))).toEqual(["task 1", "task 2", "task 3"]);
  const svg = read("lost.svg");
  expect(svg).toContain("Where points are lost: emoji, backbone");
  expect(svg).not.toContain("var(--");
  expect(svg.match(/<circle/g)).toHaveLength(2 + 4); // of rows: as learned, and with the task known
}, 120_000);

test("--json is a line a run; a run of all tasks at once can be asked to tell them apart", async () => {
  const args = ["diagnose", "fm=runs/fm", "runs/joint", "--json"];
  const both = await place.fmlora(args);
  expect(both.code, both.stderr).toBe(0);
  const [fm, joint] = both.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect([fm.run, fm.method, joint.run]).toEqual(["fm", "fm-lora", "runs/joint"]);
  expect(fm.drift).toHaveLength(3);
  expect(joint.heads[1].asLearned.withinTask).toBeNull();
  const told = await place.fmlora(["diagnose", "runs/joint", "--tasks", "3", "--json"]);
  const { heads, images } = JSON.parse(told.stdout);
  expect(images).toEqual([2, 2, 2]);
  expect(heads[1].asLearned.withinTask).toBeGreaterThanOrEqual(heads[1].asLearned.accuracy);
  expect(heads[1].trueStatistics.accuracy).toBe(heads[1].asLearned.accuracy); // nothing was old
}, 120_000);

test("--markdown for a page", async () => {
  const { stdout } = await place.fmlora(["diagnose", "fm=runs/fm", "--markdown"]);
  expect(stdout).toMatch(
    /^\| run \| head \| frozen % \|.*\n\| :--- \| :--- \| ---: \|.*\n\| fm \| rows \| – \|/,
  );
}, 120_000);

test("what can't be diagnosed is said in a line", async () => {
  expect(await place.refused("diagnose", "nowhere")).toBe(
    "fmlora: nowhere/config.json: no such file; expected the folder of a finished run [2]",
  );
  expect(await place.refused("diagnose", "runs/fm", "--tasks", "2")).toContain(
    "--tasks 2: the run has tasks of its own; leave the option out [2]",
  );
  const config = read("runs", "joint", "config.json");
  const changed = { ...JSON.parse(config), identity: { ...JSON.parse(config).identity, data: "other" } };
  writeFileSync(join(place.path, "runs", "joint", "config.json"), JSON.stringify(changed));
  expect(await place.refused("diagnose", "runs/joint")).toContain(
    "the images or the backbone's weights are not those that the run was made with",
  );
  rmSync(join(place.path, "runs", "fm", "model"), { recursive: true });
  expect(await place.refused("diagnose", "runs/fm")).toContain(
    "runs/fm: the run there has learned 0 of 3 tasks; continue it with --resume first [2]",
  );
}, 120_000);
