/** @file Frozen first blocks, computed once a task: what goes on from them, and where it is kept. */
import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { classIncremental } from "../../src/data/stream.ts";
import { Activations, type Scratch } from "../../src/network/activations.ts";
import { int8Precision } from "../../src/nn/precision.ts";
import { patchCount } from "../../src/nn/vit.ts";
import { scratchFile } from "../../src/node/files/scratch.ts";
import { patternDataset } from "../../src/testing/patterns.ts";
import { tinyBackbone } from "../../src/testing/tiny-backbone.ts";
import type { Checkpoint } from "../../src/train/checkpoint.ts";
import { recording } from "../support/recording-runtime.ts";
import { oneThread, runMethod, stateBytes } from "../support/run-method.ts";

const IMAGES = 16; // of a task
const MICRO_BATCH = 4;
const EPOCHS = 3;
const stream = classIncremental(patternDataset({ classes: 4, trainPerClass: 8, testPerClass: 4 }), {
  tasks: 2,
  orderSeed: null,
});
const train = (changes: object = {}, name = "seq-lora", options: object = {}) =>
  runMethod(name, stream, {
    runtime: oneThread,
    epochs: EPOCHS,
    firstEpochs: EPOCHS,
    options: { adaptLast: 1, ...options },
    ...changes,
  });
const bytes = async (...how: Parameters<typeof train>) => stateBytes((await train(...how)).states.at(-1)!);
const none = () => new Activations({ memoryBytes: 0 });

describe.each([
  ["seq-lora", {}],
  ["sd-lora", {}],
  ["fm-lora", { rank: 8 }],
])("%s", (name, options) => {
  test("the same model whether they are in memory, in a file or computed again", async () => {
    const memory = await bytes({}, name, options);
    expect((await bytes({ activations: none() }, name, options)).equals(memory)).toBe(true);
    const file = new Activations({ memoryBytes: 5000, scratch: scratchFile });
    expect((await bytes({ activations: file }, name, options)).equals(memory)).toBe(true);
  });

  test("close to a model whose passes all begin at the images: halves are rounded", async () => {
    const [kept, plain] = [
      await train({}, name, options),
      await train({ activations: closed() }, name, options),
    ];
    for (const [i, loss] of kept.losses.entries()) {
      expect(Math.abs(loss - plain.losses[i]!)).toBeLessThan(0.02 * Math.max(1, plain.losses[i]!));
    }
    expect(kept.losses).not.toEqual(plain.losses);
  });
});

/** Never open: as it was without them. */
function closed(): Activations {
  const never = none();
  never.open = () => {};
  return never;
}

const int8 = int8Precision({ layers: tinyBackbone().config.layers, largestWeight: 127 });

test("in 8 bits, too, the same in memory and in a file", async () => {
  const memory = await bytes({ precision: int8 });
  const file = new Activations({ memoryBytes: 5000, scratch: scratchFile });
  expect((await bytes({ precision: int8, activations: file })).equals(memory)).toBe(true);
});

test.each([
  ["in float32", {}],
  ["in 8 bits, where neighbors matter", { precision: int8 }],
  [
    "in 8 bits, where not all has room",
    { precision: int8, activations: new Activations({ memoryBytes: 5000 }) },
  ],
])("a resumed run is the one that was never stopped: %s", async (_, how) => {
  const checkpoints: Checkpoint[] = [];
  const onCheckpoint = (checkpoint: Checkpoint) => checkpoints.push(checkpoint);
  const whole = await train({ ...how, onCheckpoint });
  const middle = checkpoints.find(({ task, epoch }) => task === 1 && epoch === 2)!;
  const resumed = await train({ ...how, run: { resume: middle } });
  expect(stateBytes(resumed.states.at(-1)!).equals(stateBytes(whole.states.at(-1)!))).toBe(true);
});

test("each view of an image goes through the first blocks once a task", async () => {
  const seen = recording(oneThread);
  await train({ runtime: seen.runtime });
  const tokens = 1 + patchCount(tinyBackbone().config);
  const rows = seen.features.filter(({ data, width }) => data.length === MICRO_BATCH * tokens * width);
  // Tasks; as they are, and mirrored: all of them before anything else, as many at a time as in other runs.
  expect(rows).toHaveLength((2 * 2 * IMAGES) / MICRO_BATCH);
});

test("the file has no name while it is open, and is closed with the task", async () => {
  const open: Scratch[] = [];
  let closedFiles = 0;
  const scratch = (): Scratch => {
    const file = scratchFile();
    open.push(file);
    const close = (): void => {
      closedFiles++;
      file.close();
    };
    return { ...file, close };
  };
  await train({ activations: new Activations({ memoryBytes: 0, scratch }) });
  expect(open).toHaveLength(2); // tasks
  expect(closedFiles).toBe(2);
  if (process.platform === "linux") {
    const file = scratchFile();
    const links = readdirSync("/proc/self/fd").filter((fd) => existsSync(`/proc/self/fd/${fd}`));
    expect(links.length).toBeGreaterThan(0);
    file.append(Uint8Array.of(1, 2, 3));
    expect([...file.read(1, 2)]).toEqual([2, 3]);
    file.close();
  }
});

test("more blocks than there are is one line", async () => {
  await expect(train({}, "seq-lora", { adaptLast: 99 })).rejects.toThrow(
    /^`adaptLast: 99`: this backbone has (\d+) blocks; choose \1 or less$/,
  );
});

/** Activations that keep nothing, and count what they are asked for and what they would keep. */
function counting() {
  const counts = { asked: 0, kept: 0 };
  const scratch = (): Scratch => ({
    append: () => counts.kept++,
    read: () => new Uint8Array(),
    close: () => {},
  });
  const of = async (_: string, compute: () => Promise<Float32Array>): Promise<Float32Array> => {
    counts.asked++;
    return compute();
  };
  return { activations: Object.assign(new Activations({ memoryBytes: 0, scratch }), { of }), counts };
}

test("of an untouched network nothing is kept, whatever features are made of", async () => {
  for (const features of ["cls", "cls+mean"] as const) {
    const { activations, counts } = counting();
    await train({ features, activations }, "lda", { adaptLast: undefined });
    expect(counts).toEqual({ asked: 0, kept: 0 });
  }
});

test("an evaluation while a task trains begins at the images, and leaves nothing", async () => {
  const evaluation = { after: "all", tasks: "seen", everyImages: IMAGES } as const;
  const [along, plain] = [counting(), counting()];
  const measured = await train({ activations: along.activations, run: { evaluation } });
  expect(measured.record.anytime.images).toHaveLength(2 * EPOCHS);
  const other = await train({ activations: plain.activations });
  expect(along.counts).toEqual(plain.counts);
  expect(stateBytes(measured.states.at(-1)!).equals(stateBytes(other.states.at(-1)!))).toBe(true);
});

test("views that nobody has announced are kept where none were, and computed again where some were", async () => {
  const asked = async (views?: () => AsyncIterable<never>): Promise<number> => {
    let times = 0;
    const activations = new Activations({ memoryBytes: 1000 });
    activations.open(views);
    for (let i = 0; i < 3; i++)
      await activations.of("crop", async () => {
        times++;
        return Float32Array.of(1, 2);
      });
    return times;
  };
  expect(await asked()).toBe(1);
  expect(await asked(async function* () {})).toBe(3);
});
