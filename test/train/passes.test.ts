/** @file How often an image goes through the network, by phase: what docs/methods.md says, counted in runs of graphs. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { DRIFT_VIEWS } from "../../src/methods/figures.ts";
import { METHODS } from "../../src/methods/index.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { tracedRuntime } from "../../src/train/traced.ts";
import { Tracer } from "../../src/train/tracer.ts";
import { oneThread, type RunChanges, runMethod } from "../support/run-method.ts";

const TASKS = 3;
const EPOCHS = 2;
const MICRO_BATCH = 4; // of `testContext`
const stream = classIncremental(patternDataset({ classes: 6, trainPerClass: 8, testPerClass: 4 }), {
  tasks: TASKS,
  orderSeed: null,
});
/** Runs that one pass takes. */
const [learned, tested] = [16 / MICRO_BATCH, 8 / MICRO_BATCH] as const;

/** Runs of graphs in the last task, by its phases. */
async function runsOf(name: string, changes: RunChanges = {}): Promise<Record<string, number>> {
  const trace = new Tracer();
  let before = 0;
  await runMethod(name, stream, {
    runtime: tracedRuntime(oneThread, (_, ...what) => oneThread.compile(...what), trace),
    epochs: EPOCHS,
    firstEpochs: EPOCHS,
    run: { trace },
    ...changes,
    onCheckpoint({ task, epoch }) {
      if (task === TASKS - 1 && epoch === 0) before = trace.spans.length;
    },
  });
  const runs: Record<string, number> = {};
  for (const { path } of trace.spans.slice(before)) {
    const phase = path[0]!;
    if (path.at(-1)!.startsWith("graph ")) runs[phase] = (runs[phase] ?? 0) + 1;
  }
  return runs;
}

/** The rows of the documented table: methods, then the cells of their phases. */
const table = readFileSync(new URL("../../docs/methods.md", import.meta.url), "utf8")
  .split("## Passes over images")[1]!
  .split("\n## ")[0]!
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .flatMap(([, names, ...cells]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => [name!, ...cells.slice(0, 4)] as const),
  );

/** Runs that a cell stands for. */
const BEGIN: Readonly<Record<string, number>> = {
  "–": 0,
  "1": learned,
  "1, and a step's of `--probe-images`": 2 * learned, // 64 by default: all of them
  "2": 2 * learned,
};
const END: Readonly<Record<string, number>> = {
  "1": learned,
  "2": 2 * learned,
  "1, and 1 with gradients": 2 * learned,
  "a task's each": TASKS * learned,
  "a task's each, and 1": (TASKS + 1) * learned,
};
/** Full passes of an epoch; a further one of views that are new is remembered. */
const EPOCH: Readonly<Record<string, number>> = {
  "–": 0,
  "1": 1,
  "2, halves filled up to whole runs": 3, // batches of 12 and 4: halves of 6 and 2 take two runs and one, twice
  "1, and 1 without": 2,
  "1, and 1 of a view that is new": 1,
  "2, and 1 of a view that is new": 2,
};
const EVALUATION: Readonly<Record<string, number>> = {
  "1": TASKS * tested,
  "1, once": tested,
  "1, and 1 once": TASKS * tested + tested,
  "a task's each": TASKS * TASKS * tested,
  "a task's each, once, and 1": TASKS * tested + (TASKS - 1) * tested + TASKS * tested,
  "a task's each, once": TASKS * tested + (TASKS - 1) * tested, // all under the last adapters, new ones under all others
};

test("every method is in the table", () => {
  const continual = METHODS.filter(({ traits }) => traits.protocol === "continual");
  expect(table.map(([name]) => name).sort()).toEqual(continual.map(({ name }) => name).sort());
});

test.each(table)(
  "%s: beginning %s, an epoch %s, ending %s, evaluation %s",
  async (name, begin, epoch, end, evaluation) => {
    const runs = await runsOf(name, { headOptions: { driftViews: 0 } });
    expect(runs["begin task"] ?? 0).toBe(BEGIN[begin!]);
    expect(runs["end task"] ?? 0).toBe(END[end!]);
    expect(runs.evaluation ?? 0).toBe(EVALUATION[evaluation!]);
    const training = runs.training ?? 0;
    const full = EPOCH[epoch!]! * EPOCHS * learned;
    if (!epoch!.endsWith("new")) expect(training).toBe(full);
    else {
      expect(training).toBeGreaterThan(full);
      expect(training).toBeLessThanOrEqual(full + EPOCHS * learned);
    }
  },
);

test.each([
  ["fm-lora", 1],
  ["l2p", 2], // prompts are chosen by a pass of its own, whose features are remembered
])("every scrambled view of %s is %d passes more before a task and one after it", async (name, before) => {
  const [plain, seen] = [
    await runsOf(name, { headOptions: { driftViews: 0 } }),
    await runsOf(name, { headOptions: { driftViews: 2 } }),
  ];
  expect(seen["begin task"]! - plain["begin task"]!).toBe(2 * before * learned);
  expect(seen["end task"]! - plain["end task"]!).toBe(2 * learned);
  expect(seen.training).toBe(plain.training);
});

test("a small task has views unless told otherwise", async () => {
  const [usual, four] = [
    await runsOf("fm-lora"),
    await runsOf("fm-lora", { headOptions: { driftViews: 4 } }),
  ];
  expect(usual).toEqual(four);
});

test("a task says how many views it had, and says nothing where it had none", async () => {
  const told = async (headOptions: Readonly<Record<string, unknown>>): Promise<unknown[]> => {
    const { events } = await runMethod("seq-lora", stream, { epochs: 1, firstEpochs: 1, headOptions });
    return events.flatMap((event) =>
      event.type === "method" ? event.figures.map((figure) => [event.task, figure]) : [],
    );
  };
  const views = (task: number) => [task, { kind: "number", name: DRIFT_VIEWS, value: 4 }];
  expect(await told({})).toEqual(Array.from({ length: TASKS - 1 }, (_, i) => views(i + 1)));
  expect(await told({ driftViews: 0 })).toEqual([]);
});
