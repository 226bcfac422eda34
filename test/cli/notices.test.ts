/** @file What readers leave out reaches whoever runs a command, once and counted. */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { QUICK, Workplace } from "./command.ts";

const place = new Workplace();
beforeAll(async () => {
  await place.prepare();
  const at = (...path: string[]): string => join(place.path, ...path);
  // Two images that nothing reads, a nested one, a circle, and a backbone as DataParallel saves it.
  writeFileSync(at("images/train/class-0/a.bmp"), "x");
  writeFileSync(at("images/test/class-1/b.tif"), "x");
  mkdirSync(at("images/test/class-2/more"));
  copyFileSync(at("images/test/class-2/0.png"), at("images/test/class-2/more/0.png"));
  symlinkSync("..", at("images/test/class-2/loop"));
  const file = at("backbone/model.safetensors");
  const { tensors } = decodeSafetensors(readFileSync(file), file);
  const wrapped = Object.entries(tensors).map(([name, value]) => [`module.${name}`, value] as const);
  writeFileSync(file, encodeSafetensors(Object.fromEntries(wrapped)));
}, 60_000);
afterAll(() => place.remove());

const WRAPPER =
  'backbone/model.safetensors: the tensors\' names begin with "module.", as a wrapper saves them; read without';
const UNREAD = (first: string, parts: string, count: number): string =>
  `images in formats that are not read: ${count} (${parts}; the first: ${first}); convert them to PNG or JPEG`;
const AGAIN = "links to folders that are read anyway, passed over: 1 (the first: test/class-2/loop)";
const notes = (stderr: string): string[] =>
  stderr.split("\n").flatMap((line) => (line.startsWith("note: ") ? [line.slice("note: ".length)] : []));

test("run, data check, predict and features say what they left out", async () => {
  const data = ["--data", "images", "--backbone", "backbone"];
  const run = await place.fmlora([
    "run",
    "folder",
    ...data,
    "--method",
    "ncm",
    "--tasks",
    "3",
    "--out",
    "run",
  ]);
  expect(run.code, run.stderr).toBe(0);
  const own = [
    UNREAD("train/class-0/a.bmp", "1 .bmp, 1 .tif", 2),
    AGAIN,
    "images in folders inside of class folders, taken as images of the class: 1 (the first: test/class-2/more/0.png)",
  ];
  expect(notes(run.stderr)).toEqual([WRAPPER, ...own]);
  const check = await place.fmlora(["data", "check", "folder", "--data", "images"]);
  for (const line of own) expect(check.stdout).toContain(`\n  note: ${line}\n`);

  const below = [UNREAD("test/class-1/b.tif", "1 .tif, 1 .bmp", 2), AGAIN];
  const predict = await place.fmlora(["predict", "images", "--model", "run"]);
  expect([predict.code, notes(predict.stderr)]).toEqual([
    0,
    [WRAPPER, ...below, expect.stringMatching(/^probabilities are not calibrated/)],
  ]);
  const features = await place.fmlora(["features", "images", "--backbone", "backbone", "--out", "x.npy"]);
  expect([features.code, notes(features.stderr)]).toEqual([0, [WRAPPER, ...below]]);
  expect(features.stderr).toContain("x.npy: 67 x 32 float32"); // 6 classes x (8 + 3), and the nested one
});

test("numbers that are none are named at once by every command", async () => {
  const file = join(place.path, "backbone/model.safetensors");
  const { tensors } = decodeSafetensors(readFileSync(file), file);
  const name = "module.layernorm.weight";
  const { dims, data } = tensors[name]!;
  const broken = tensor("float32", dims, Float32Array.from(data as Float32Array).with(2, Number.NaN));
  writeFileSync(file, encodeSafetensors({ ...tensors, [name]: broken }));
  const line =
    "fmlora: backbone/model.safetensors: tensor layernorm.weight has NaN as its number 2 of 32; expected finite numbers: get the file again, or train it again with a lower rate [2]";
  expect(await place.refused("features", "images", "--backbone", "backbone", "--out", "y.npy")).toBe(line);
  expect(await place.refused(...QUICK, "--out", "broken")).toBe(line);
  expect(await place.refused("predict", "images", "--model", "run")).toBe(line);
});
