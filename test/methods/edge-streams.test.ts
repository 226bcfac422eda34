/** @file Streams that real users have: single classes, classes that come again, single images. */
import { describe, expect, test } from "vitest";
import { domainIncremental, type TaskStream } from "../../src/data/stream.ts";
import { METHODS } from "../../src/methods/index.ts";
import { patternDataset, streamOf } from "../../src/testing/patterns.ts";
import { type FinishedRun, methodOf, runMethod } from "../support/run-method.ts";

const dataset = patternDataset({ classes: 6, domains: 3, trainPerClass: 8, testPerClass: 4, noise: 60 });
const lonely = patternDataset({ classes: 6, trainPerClass: 1, testPerClass: 4, noise: 20 });
const domains = domainIncremental(dataset);
/** The second domain lacks classes 4 and 5. */
const gaps: TaskStream = {
  ...domains,
  tasks: domains.tasks.map((task) =>
    task.index === 1 ? { ...task, train: task.train.filter(({ label }) => label < 4) } : task,
  ),
};

const STREAMS: readonly (readonly [string, TaskStream])[] = [
  [
    "one class at a time",
    streamOf(
      dataset,
      [0, 1, 2, 3].map((label) => ({ classes: [label] })),
    ),
  ],
  [
    "a first task of one class",
    streamOf(dataset, [{ classes: [0] }, { classes: [1, 2] }, { classes: [3, 4] }]),
  ],
  [
    "a later task of one class",
    streamOf(dataset, [{ classes: [0, 1] }, { classes: [2] }, { classes: [3, 4] }]),
  ],
  ["the same classes in other domains", domains],
  ["a domain that lacks classes", gaps],
  [
    "a class that comes again beside a new one",
    streamOf(dataset, [
      { classes: [0, 1] },
      { classes: [1, 2], domain: 1 },
      { classes: [1], domain: 2 },
      { classes: [0, 2], domain: 2 },
    ]),
  ],
  ["one image a class", streamOf(lonely, [{ classes: [0, 1, 2] }, { classes: [3] }, { classes: [4, 5] }])],
  ["a single task", streamOf(dataset, [{ classes: [0, 1, 2] }])],
];

describe.each(METHODS.map(({ name }) => name))("%s", (name) => {
  test.each(STREAMS)("works on %s", async (_, stream) => {
    const run = await runMethod(name, stream, { epochs: 2 });
    expectFinite(run);
    const tasks = run.states.length;
    for (const [readout, correct] of Object.entries(run.record.correct)) {
      expect(
        correct.map((row) => row.length),
        readout,
      ).toEqual(Array.from({ length: tasks }, (_, t) => t + 1));
    }
    if (run.record.correct.lda === undefined) return; // the method takes no other head than its own
    // Statistics need no training: LDA has to work on all of them.
    const correct = run.record.correct.lda.at(-1)!.reduce((sum, count) => sum + count, 0);
    const images = stream.tasks.reduce((sum, { test }) => sum + test.length, 0);
    expect(correct / images).toBeGreaterThanOrEqual(0.7);
  });

  test("the first task that trains is the first, though a class came before it", async () => {
    const { events } = await runMethod(name, STREAMS[1]![1], { epochs: 1, firstEpochs: 2 });
    const epochs = events.flatMap((event) => (event.type === "task-start" ? [event.epochs] : []));
    const { trains, protocol } = METHODS.find((method) => method.name === name)!.traits;
    const expected = { "every task": [0, 2, 1], "first task": [0, 2, 0], never: [0, 0, 0] }[trains];
    expect(epochs).toEqual(protocol === "joint" ? [2] : expected);
  });

  test("a later task of one class trains nothing and changes nothing but statistics", async () => {
    const { states, record, events } = await runMethod(name, STREAMS[2]![1], { epochs: 2 });
    const trained = events.flatMap((event) => (event.type === "epoch" ? [event.task] : []));
    const promised = events.flatMap((event) =>
      event.type === "task-start" ? Array<number>(event.epochs).fill(event.task) : [],
    );
    expect(promised).toEqual(trained);
    if (states.length === 1) return; // joint
    expect(record.trainableParameters[1]).toBe(0);
    for (const [tensor, before] of Object.entries(states[0]!)) {
      if (/^(statistics|prototypes|aligned|gaussian)\.|\.(moment|tokens|space|space\.columns)$/.test(tensor))
        continue;
      expect(states[1]![tensor], tensor).toEqual(before);
    }
    const known = states[1]!["statistics.classes"] ?? states[1]!["prototypes.classes"];
    expect([...known!.data]).toEqual([0, 1, 2]);
  });
});

test.each(["fm-lora", "seq-lora"])(
  "%s leaves the rows of classes that a domain lacks as they were",
  async (name) => {
    const { states } = await runMethod(name, gaps, { epochs: 2 });
    const rows = (task: number, from: number, to: number) =>
      states[task]!["head.weight"]!.data.slice(from * 32, to * 32);
    expect(rows(1, 4, 6)).toEqual(rows(0, 4, 6)); // local cross-entropy would push them down, unopposed
    expect(rows(1, 0, 4)).not.toEqual(rows(0, 0, 4));
  },
);

test.each(METHODS.map(({ name }) => name))(
  "%s lets domains add the distance of their means to the scatter",
  async (name) => {
    const { traits } = methodOf(name);
    if (traits.heads !== "any") return;
    const scatter = async (betweenScatter: boolean): Promise<number> => {
      const { states, record } = await runMethod(name, domains, {
        epochs: 1,
        headOptions: { betweenScatter },
      });
      expect(new Set(record.stateBytes).size === 1).toBe(!traits.grows.includes("tasks")); // else nothing is kept per task
      const values = states.at(-1)!["statistics.scatter"]!.data as Float32Array;
      return values.reduce((sum, value, i) => (i % (32 + 1) === 0 ? sum + value : sum), 0); // its trace
    };
    const [on, off] = [await scatter(true), await scatter(false)];
    if (traits.protocol === "joint")
      expect(on).toBe(off); // every class comes once
    else expect(on).toBeGreaterThan(1.05 * off);
  },
);

test("a domain of one class trains nothing, whatever classes the stream has", async () => {
  const tasks = domains.tasks.map((task) =>
    task.index === 1 ? { ...task, train: task.train.filter(({ label }) => label === 3) } : task,
  );
  const { record, events } = await runMethod("fm-lora", { ...domains, tasks }, { epochs: 2 });
  expect(record.trainableParameters.map((count) => count > 0)).toEqual([true, false, true]);
  expect(events.filter((event) => event.type === "epoch" && event.task === 1)).toEqual([]);
});

function expectFinite({ states, losses, events }: FinishedRun): void {
  for (const loss of losses) expect(loss).toBeGreaterThanOrEqual(0); // fails for NaN
  for (const [task, state] of states.entries()) {
    for (const [tensor, { data }] of Object.entries(state)) {
      const finite = Array.from(data, Number).every(Number.isFinite);
      expect(finite, `${tensor} after task ${task}`).toBe(true);
    }
  }
  for (const event of events) {
    expect(JSON.stringify(event)).not.toContain("null"); // JSON's NaN
    if (event.type !== "method") continue;
    for (const figure of event.figures)
      if (figure.kind === "direction") expect(Math.hypot(...figure.vector)).toBeCloseTo(1, 2);
  }
}
