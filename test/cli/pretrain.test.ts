/** @file `fmlora pretrain` from start to a backbone, stopped and resumed, and what it refuses. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Workplace } from "./command.ts";

const place = new Workplace();
beforeAll(() => place.prepare());
afterAll(() => place.remove());

const TOY = [
  "pretrain",
  "--data",
  "images",
  "--image-size",
  "16",
  "--patch",
  "4",
  "--width",
  "16",
  "--layers",
  "1",
  "--heads",
  "1",
  "--batch",
  "8",
  "--micro-batch",
  "8",
  "--epochs",
  "2",
];
const read = (...path: string[]): string => readFileSync(join(place.path, ...path), "utf8");

test("it trains, tells how good it is, and what it wrote is a backbone", async () => {
  const { code, stdout, stderr } = await place.fmlora([...TOY, "--out", "plain"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toMatch(/48 images of 6 classes, 18 for validation, 2 epochs of 6 steps\n/);
  expect(stderr).toMatch(
    /^epoch 2 done after [^:]+: cross-entropy [\d.]+, [\d.]+ % of the validation images$/m,
  );
  expect(stderr).toContain(`use it with --backbone ${join("plain", "model")}\n`);
  const metrics = JSON.parse(read("plain", "metrics.json"));
  expect(metrics).toMatchObject({ finished: true, accuracy: metrics.curve[1].accuracy });
  const events = read("plain", "events.jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).type);
  expect(events).toEqual(["pretraining-start", "epoch", "step", "epoch", "pretraining-end"]);
  const image = join("images", "test", "class-0", "0.png");
  const used = await place.fmlora([
    "features",
    image,
    "--backbone",
    join("plain", "model"),
    "--out",
    "f.npy",
  ]);
  expect(used).toMatchObject({ code: 0, stderr: "f.npy: 1 x 16 float32\n" });
});

test("Ctrl-C stops it with exit code 130, and --resume ends with the same weights", async () => {
  const slow = [...TOY, "--epochs", "8", "--json"];
  expect((await place.fmlora([...slow, "--out", "whole"])).code).toBe(0);
  let stopped = false;
  const first = await place.fmlora([...slow, "--out", "stopped"], (text, kill) => {
    if (!stopped && text.includes('"type":"epoch"')) kill("SIGINT");
    stopped ||= text.includes('"type":"epoch"');
  });
  expect(first.stderr).toContain("fmlora: stopped; continue with the same command and --resume\n");
  expect(first.code).toBe(130);
  const second = await place.fmlora([...slow, "--out", "stopped", "--resume"]);
  expect(second.code).toBe(0);
  expect(second.stdout).toContain('"type":"resume"');
  expect(read("stopped", "model", "model.safetensors") === read("whole", "model", "model.safetensors")).toBe(
    true,
  );
});

test.each([
  [["--data", "nowhere"], "nowhere: no such folder"],
  [["--patch", "5"], "--patch 5: does not divide --image-size 16"],
  [["--heads", "3"], "--heads 3: does not divide --width 16"],
  [["--micro-batch", "3"], "--micro-batch 3: does not divide --batch 8"],
  [["--kept-patches", "17"], "--kept-patches 17: an image has only 16"],
  [
    ["--batch", "64"],
    "--batch 64: there are only 48 training images, and an epoch has two batches at least; choose --batch 24 or less",
  ],
  [["--epochs", "0"], '--epochs "0": expected a whole number above 0'],
  [["--minutes", "soon"], '--minutes "soon": expected a number above 0'],
  [["--hold-out", "8"], "has only 8 training images"],
  [["--teacher", "backbone", "--layers", "5"], "its layers is 2, the new network's 5"],
  [["--teacher", "backbone", "--heads", "2"], "its heads are 16 wide, the new network's 8"],
  [["--start", "later"], "--start"],
  [["--init", "nowhere"], "nowhere/config.json: no such file"],
])("%j is refused in one line", async (flags, expected) => {
  const { code, stderr } = await place.fmlora([...TOY, "--out", "refused", ...flags]);
  expect(stderr).toMatch(/^fmlora: [^\n]+\n$/);
  expect(stderr).toContain(expected);
  expect(code).toBe(2);
});

test("without --data, it is the flag that is missed", async () => {
  expect(await place.refused("pretrain", "--out", "nothing")).toMatchInlineSnapshot(
    `"fmlora: --data is missing: folder with class folders (or train/ and test/ with them), or with zips of such folders [2]"`,
  );
});

test("a training that is there is not overwritten", async () => {
  const { code, stderr } = await place.fmlora([...TOY, "--out", "plain"]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "fmlora: plain: a run is already there; continue it with --resume, or choose another --out\n",
  });
});
