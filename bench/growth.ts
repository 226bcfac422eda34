/**
 * @file Does a model that learns a thousand tasks get slower or larger?
 *
 *     npm run bench -- growth [--quick] [--tasks N] [--threads N] [--out FILE]
 *
 * fm-lora on a small random network and synthetic images, through the task loop and the files of a real run. Evaluation
 * looks at the first task's images only: on all of them it would grow by definition. Beside it the head alone, by number of
 * classes: its means moved and refitted, and images scored.
 */
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { AUGMENTATIONS } from "../src/data/augmentation.ts";
import type { Dataset, Sample } from "../src/data/dataset.ts";
import type { Task, TaskStream } from "../src/data/stream.ts";
import { HeadSet, headSetOptions } from "../src/heads/head-set.ts";
import { loadBackbone } from "../src/node/backbones/backbone.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { RunDirectory } from "../src/node/runs/run-directory.ts";
import { bestAndMedian, measuringContext } from "../src/node/runs/speed.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { chosenHeads } from "../src/run/heads.ts";
import { byName } from "../src/run/registry.ts";
import { Rng } from "../src/tensor/rng.ts";
import { untrainedModel } from "../src/testing/train-method.ts";
import { runStream } from "../src/train/run.ts";
import { Tracer } from "../src/train/tracer.ts";
import { writeTinyBackbone } from "../test/support/tiny-backbone.ts";
import { inTemporaryFolder, ownWorker, serve } from "./measure.ts";
import { benchOptions } from "./options.ts";
import { type CaseResult, conclude, ratio, rounded } from "./result.ts";

const SIDE = 16;
const IMAGES_PER_CLASS = 4;

/** The two ways a stream goes on for ever. */
const STREAMS = {
  domains: { label: "the same 4 classes in new looks", classesPerTask: 4, newClasses: false },
  classes: { label: "2 new classes a task", classesPerTask: 2, newClasses: true },
} as const;
type StreamName = keyof typeof STREAMS;

/** What a task cost and left. */
interface TaskCost {
  readonly learning: number;
  readonly evaluation: number;
  readonly files: number;
  readonly stateBytes: number;
  /** After a collection, which slows what comes next: of two tasks in a window. */
  readonly residentBytes: number | null;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What is left after a collection: garbage comes and goes with V8's mood. */
function residentBytes(): number {
  collect();
  return process.memoryUsage().rss;
}

function endlessStream(
  tasks: number,
  { classesPerTask, newClasses }: (typeof STREAMS)[StreamName],
): TaskStream {
  const classCount = newClasses ? tasks * classesPerTask : classesPerTask;
  const classNames = Array.from({ length: classCount }, (_, label) => `class ${label}`);
  const dataset: Dataset = {
    name: "endless",
    classNames,
    domainNames: ["one"],
    train: [],
    test: [],
    async read({ id, label }) {
      const own = Rng.at("class", label);
      const rng = Rng.at("image", id);
      const color = [own.below(200), own.below(200), own.below(200)];
      const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => color[i % 3]! + rng.below(56));
      return { kind: "rgb", width: SIDE, height: SIDE, data };
    },
  };
  const stream = Array.from({ length: tasks }, (_, index): Task => {
    const classes = Array.from(
      { length: classesPerTask },
      (_, i) => (newClasses ? index * classesPerTask : 0) + i,
    );
    const train = classes.flatMap((label) =>
      Array.from(
        { length: IMAGES_PER_CLASS },
        (_, i): Sample => ({ id: `${index}/${label}/${i}`, label, domain: 0 }),
      ),
    );
    return {
      index,
      name: `task ${index}`,
      classes,
      train,
      validation: [],
      test: index === 0 ? train.slice(0, 4) : [],
    };
  });
  const kind = newClasses ? "class-incremental" : "domain-incremental";
  return {
    dataset,
    kind,
    protocol: kind,
    tasks: stream,
    classNames,
    position: classNames.map((_, label) => label),
  };
}

/** Learns the stream and tells what each task cost. */
async function learn(name: StreamName, tasks: number): Promise<TaskCost[]> {
  return inTemporaryFolder(async (folder) => {
    const shape = { imageSize: SIDE, patchSize: 8, width: 32, layers: 2 };
    const backbone = loadBackbone(writeTinyBackbone(join(folder, "backbone"), shape));
    const how = { threads: options.threads, microBatch: 8, precision: "float32" } as const;
    const context = await measuringContext(backbone, how);
    const method = byName(REGISTRY, "methods", "fm-lora");
    const stream = endlessStream(tasks, STREAMS[name]);
    const trace = new Tracer();
    const costs: TaskCost[] = [];
    let seen = 0;
    let stateBytes = 0;
    const { directory } = await RunDirectory.open(join(folder, "run"), {}, false);
    const files = directory.output({}, (event) => {
      if (event.type === "task-end") stateBytes = event.stateBytes;
    });
    /** The task's last act: everything since the one before it was this task. */
    const close = (): void => {
      const own = trace.spans.slice(seen);
      seen = trace.spans.length;
      const sum = (...names: string[]): number =>
        own
          .filter(({ path }) => path.length === 1 && names.includes(path[0]!))
          .reduce((total, { milliseconds }) => total + milliseconds, 0);
      costs.push({
        learning: sum("begin task", "training", "end task"),
        evaluation: sum("evaluation"),
        files: sum("model file", "checkpoint"),
        stateBytes,
        residentBytes: costs.length % Math.ceil(windowOf(tasks) / 2) === 0 ? residentBytes() : null,
      });
    };
    await runStream({
      stream,
      context,
      trace,
      model: untrainedModel(method, context, { options: { rank: 8 } }, stream.kind),
      training: {
        epochs: 1,
        firstEpochs: 2,
        batchSize: 16,
        augmentation: AUGMENTATIONS.none,
        evaluateOn: "test",
      },
      transform: async (image) => (image.kind === "rgb" ? image.data : new Uint8Array()),
      unreadable: "fail",
      output: {
        ...files,
        saveCheckpoint: async (checkpoint) => {
          await files.saveCheckpoint(checkpoint);
          if (checkpoint.epoch === 0 && checkpoint.task > 0) close();
        },
      },
    });
    return costs;
  });
}

/** Heads, and images of a class that each is shown: `gaussian` has no directions of fewer. */
const HEADS: Readonly<Record<string, number>> = { lda: 2, gaussian: 10 };
const HEAD = { width: 384, scored: 64, classes: [250, 500, 1000, 2000] } as const;

/** A head that follows drift, with so many classes known: milliseconds of each of its works. */
function headCosts(head: string, classes: number): Record<"moving" | "fitting" | "scoring", number> {
  const { width, scored } = HEAD;
  const rng = Rng.at("head", classes);
  const images = HEADS[head]!;
  const drawn = (labels: readonly number[]) => ({
    features: Float32Array.from({ length: labels.length * width }, () => rng.normal()),
    labels: Int32Array.from(labels),
  });
  const { heads, drift } = chosenHeads(byName(REGISTRY, "methods", "fm-lora"), [head], "ridge");
  const set = new HeadSet({ width, heads, drift, options: headSetOptions(heads, drift).parse({}) });
  set.update(drawn(Array.from({ length: images * classes }, (_, i) => i % classes)), undefined);
  const before = drawn(
    Array.from({ length: 2 * Math.max(images, IMAGES_PER_CLASS) }, (_, i) => classes + (i % 2)),
  );
  const after = { ...before, features: before.features.map((value) => 1.01 * value + 0.001) };
  const timed = (work: () => void): number => {
    const began = performance.now();
    work();
    return performance.now() - began;
  };
  const asked = drawn(new Array<number>(scored).fill(0)).features;
  const score = (): void => void set.scores(asked, classes + 2);
  const moving = timed(() => set.update(after, before));
  const first = timed(score);
  const scoring = timed(score);
  return { moving, fitting: first - scoring, scoring };
}

/** By number of classes, each measured a few times. */
function headCase(head: string): CaseResult {
  const sides = HEAD.classes.map((classes) => {
    const all = Array.from({ length: options.quick ? 1 : 5 }, () => headCosts(head, classes));
    const best = (work: keyof (typeof all)[0]): number => bestAndMedian(all.map((costs) => costs[work])).best;
    return { classes, moving: best("moving"), fitting: best("fitting"), scoring: best("scoring") };
  });
  const [fewest, most] = [sides[0]!, sides.at(-1)!];
  const growth = most.classes / fewest.classes;
  return {
    name: `the head ${head} alone`,
    settings: { width: HEAD.width, scored: HEAD.scored },
    sides: sides.map(({ classes, moving, fitting, scoring }) => ({
      name: `${classes} classes`,
      values: {
        "moving ms": rounded(moving, 3),
        "fitting ms": rounded(fitting, 3),
        "scoring ms": rounded(scoring, 3),
      },
    })),
    ratios: (["moving", "fitting", "scoring"] as const).map((work) =>
      ratio(`${work}, ${most.classes} / ${fewest.classes} classes, by class`, [
        most[work] / fewest[work] / growth,
      ]),
    ),
  };
}

/** Tasks at the beginning, and at the end, whose medians are compared. */
const windowOf = (tasks: number): number => Math.max(1, Math.min(100, Math.floor(tasks / 4)));

function caseOf(name: StreamName, costs: readonly TaskCost[]): CaseResult {
  const window = windowOf(costs.length);
  const middle = (part: readonly TaskCost[], key: keyof TaskCost): number =>
    bestAndMedian(part.flatMap((cost) => cost[key] ?? [])).median;
  const [first, last] = [costs.slice(1, 1 + window), costs.slice(-window)]; // task 0 compiles
  const growth = (key: keyof TaskCost): number => middle(last, key) / middle(first, key);
  const { label, newClasses } = STREAMS[name];
  const row = (rowName: string, part: readonly TaskCost[]) => ({
    name: rowName,
    values: {
      "learning ms": rounded(middle(part, "learning"), 3),
      "evaluation ms": rounded(middle(part, "evaluation"), 3),
      "files ms": rounded(middle(part, "files"), 3),
      "state bytes": middle(part, "stateBytes"),
      "RSS MiB": Math.round(middle(part, "residentBytes") / 2 ** 20),
    },
  });
  return {
    name: `${costs.length} tasks, ${label}`,
    settings: { images: IMAGES_PER_CLASS * STREAMS[name].classesPerTask, window, threads: options.threads },
    sides: [row(`tasks 2 to ${window + 1}, median`, first), row(`the last ${window}, median`, last)],
    ratios: [
      ratio("learning, last / first", [growth("learning")], { atMost: newClasses ? 1.3 : 1.1 }),
      ratio("state bytes, last / first", [growth("stateBytes")], newClasses ? undefined : { atMost: 1 }),
      ratio("RSS, last / first", [growth("residentBytes")], newClasses ? undefined : { atMost: 1.1 }),
    ],
  };
}

const options = benchOptions({ tasks: { type: "string" } });
const [mode, name] = options.positionals;
const tasks = Number(options.own.tasks ?? (options.quick ? 40 : 1000));
if (mode === "serve") await serve(async () => ({ costs: await learn(name as StreamName, tasks) }));
else {
  const cases: CaseResult[] = [];
  for (const each of Object.keys(STREAMS) as StreamName[]) {
    const worker = ownWorker(import.meta.url, [
      "serve",
      each,
      "--tasks",
      `${tasks}`,
      "--threads",
      `${options.threads}`,
    ]);
    const { costs } = await worker.ask<{ costs: TaskCost[] }>({});
    worker.stop();
    cases.push(caseOf(each, costs));
  }
  cases.push(...Object.keys(HEADS).map(headCase));
  const found = {
    title: "A thousand tasks",
    what: "fm-lora through the task loop and the files of a real run, on a small random network: medians of the first and the last hundred tasks; and heads alone, random features, the best of five.",
    versions: { runtime: nodeRuntime({ threads: options.threads }).name },
    cases,
    notes: [
      "With new classes, the classifier has a mean and a row more for each: state and evaluation grow by them.",
    ],
  };
  conclude("growth", found, options);
}
