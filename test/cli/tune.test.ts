/** @file `fmlora tune`, and what `fmlora run --settings` makes of it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Workplace } from "./command.ts";

const place = new Workplace();
const read = (...path: string[]) => JSON.parse(readFileSync(join(place.path, ...path), "utf8"));
const SHARED =
  "folder --data images --backbone backbone --tasks 3 --epochs 1 --batch-size 8 --micro-batch 4 --threads 1";
const tune = (...more: string[]) =>
  place.fmlora(["tune", ...SHARED.split(" "), "--method", "linear-probe", "--task-limit", "2", ...more]);
const times = (text: string): string => text.replaceAll(/\d+(\.\d+)? s\b/g, "TIME").replaceAll(/ +/g, " ");

beforeAll(async () => {
  await place.prepare();
}, 120_000);
afterAll(() => place.remove());

test("tries, keeps and chooses; the same command goes on, also with more trials; run takes the choice", async () => {
  const first = await tune("--trials", "2", "--out", "trials");
  expect(first).toMatchObject({ code: 0 });
  expect(times(first.stdout)).toMatch(/^ ?trial head-rate last % average % time\n 1 0\.005 /);
  const file = read("trials.json");
  expect(file).toMatchObject({
    method: "linear-probe",
    benchmark: "folder",
    ranges: { "head-rate": { kind: "log", low: 0.001, high: 0.025 } },
    search: { kind: "random", seed: 1993, trials: 2 },
    shared: { "validation-per-class": 1, "evaluate-on": "validation", "task-limit": 2, epochs: 1 },
  });
  expect(file.search.measure).toBe("last accuracy of rows on 4 held-out training images, after 2 tasks");
  expect(file.trials.map(({ settings }: { settings: object }) => settings)).toContainEqual(file.settings);
  const best = Math.max(...file.trials.map(({ lastAccuracy }: { lastAccuracy: number }) => lastAccuracy));
  const chosen = file.trials.find(({ lastAccuracy }: { lastAccuracy: number }) => lastAccuracy === best);
  expect(file.settings).toEqual(chosen.settings);
  // No trial has seen a test image, or a third task.
  for (const { cell } of file.trials) {
    expect(read("trials", cell, "metrics.json")).toMatchObject({
      evaluatedOn: "validation",
      testImages: [2, 2],
      protocol: "class-incremental, first 2 of 3 tasks",
    });
  }

  const further = await tune("--trials", "3", "--out", "trials", "--to", "three.json");
  expect(further.stderr.match(/: done in/g)).toHaveLength(1);
  expect(read("three.json").trials.slice(0, 2)).toEqual(file.trials);
  expect(readdirSync(join(place.path, "trials")).filter((name) => !name.startsWith(".")).length).toBe(3);

  writeFileSync(
    join(place.path, "rate.json"),
    '{"method": "linear-probe", "settings": {"head-rate": 0.0123, "seed": 7}}',
  );
  const run = (...more: string[]) =>
    place.fmlora(["run", ...SHARED.split(" "), "--settings", "rate.json", ...more]);
  expect(await run("--out", "taken")).toMatchObject({ code: 0 });
  expect(read("taken", "config.json")).toMatchObject({
    method: "linear-probe",
    seed: 7,
    methodOptions: { headRate: 0.0123 },
  });
  expect(await run("--head-rate", "0.02", "--out", "typed")).toMatchObject({ code: 0 });
  expect(read("typed", "config.json")).toMatchObject({ seed: 7, methodOptions: { headRate: 0.02 } });
}, 300_000);

test("what is wrong is said in one line", async () => {
  expect(await place.refused("tune", "folder", "--method", "lda")).toMatchInlineSnapshot(
    `"fmlora: method lda: declares no ranges to search; run it as it is [2]"`,
  );
  expect(
    await place.refused(
      "tune",
      "folder",
      "--data",
      "images",
      "--method",
      "linear-probe",
      "--head-rate",
      "0.1",
    ),
  ).toMatchInlineSnapshot(
    `"fmlora: method linear-probe: all that could be searched is given (--head-rate); leave some out [2]"`,
  );
  expect(
    await place.refused("tune", "folder", "--data", "images", "--evaluate-on", "test"),
  ).toMatchInlineSnapshot(
    `"fmlora: --evaluate-on test: settings are chosen on held-out training images; leave it out [2]"`,
  );
  expect(await place.refused("tune", "folder", "--trials", "0")).toMatchInlineSnapshot(
    `"fmlora: --trials "0": expected a whole number of at least 1 [2]"`,
  );
  expect(await place.refused("run", "folder", "--settings", "none.json")).toMatchInlineSnapshot(
    `"fmlora: --settings none.json: no such file; fmlora tune writes one [2]"`,
  );
  writeFileSync(join(place.path, "odd.json"), '{"settings": {"head-rat": 1}}');
  expect(await place.refused("run", "folder", "--settings", "odd.json")).toMatchInlineSnapshot(
    `"fmlora: --settings odd.json: there is no option "head-rat"; docs/options.md lists them [2]"`,
  );
  writeFileSync(join(place.path, "ease.json"), '{"method": "ease", "settings": {"alpha": 0.2}}');
  expect(
    await place.refused("run", "folder", "--settings", "ease.json", "--method", "l2p"),
  ).toMatchInlineSnapshot(
    `"fmlora: --settings ease.json: was chosen for method ease, not l2p; leave --method out, or tune l2p [2]"`,
  );
}, 120_000);
