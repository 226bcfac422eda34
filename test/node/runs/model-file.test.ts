/** @file A run's model whose file was changed or damaged: named at once, never wrong names or numbers without a word. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openModel } from "../../../src/node/runs/model.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { type Tensor, tensor } from "../../../src/tensor/tensor.ts";
import { refusalIn } from "../../support/refusal.ts";
import { toyRequest } from "../../support/toy-folder.ts";

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-model-"));
  const own = { method: "lda", methodOptions: {}, heads: ["lda", "ncm"], epochs: 1 };
  const request = { ...(await toyRequest(root)), ...own };
  await runBenchmark({ ...request, out: join(root, "run"), resume: false });
});
afterAll(() => rmSync(root, { recursive: true }));

type Description = Record<string, unknown> & { classNames: string[] };
type Tensors = Record<string, Tensor>;

/** Opens a copy of the model with its description or its tensors changed. */
function changed(
  description: (before: Description) => object,
  tensors: (before: Tensors) => object = () => ({}),
) {
  const copy = join(root, "copy");
  rmSync(copy, { recursive: true, force: true });
  cpSync(join(root, "run"), copy, { recursive: true });
  const file = join(copy, "model", "model.safetensors");
  const before = decodeSafetensors(readFileSync(file), file);
  const own = JSON.parse(before.metadata["fm-lora"]!) as Description;
  const text = JSON.stringify({ ...own, ...description(own) });
  const all = { ...before.tensors, ...tensors(before.tensors) } as Tensors;
  writeFileSync(file, encodeSafetensors(all, { ...before.metadata, "fm-lora": text }));
  return openModel(copy);
}
const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
const same = (): object => ({});
const FILE = "DIR/copy/model/model.safetensors";

test("as it was written, it opens", async () => {
  const model = await changed(same);
  expect([model.classNames.length, model.notices]).toEqual([6, []]);
  await model.dispose();
});

test("the temperature of its head is kept, and spares the fit; a file without one is fitted", async () => {
  const written: Record<string, unknown>[] = [];
  const temperatureOf = async (temperatures: (kept: unknown) => unknown): Promise<number | null> => {
    const model = await changed((own) => {
      written.push(own);
      return { temperatures: temperatures(own.temperatures) };
    });
    await model.dispose();
    return model.temperature;
  };
  const fitted = await temperatureOf(() => undefined);
  expect(written[0]!.temperatures).toEqual({ lda: fitted });
  expect(await temperatureOf((kept) => kept)).toBe(fitted);
  expect(await temperatureOf(() => ({ lda: 7 }))).toBe(7);
});

test.each<[string, (before: Description) => object, (before: Tensors) => object, string]>([
  [
    "fewer class names than classes",
    ({ classNames }) => ({ classNames: classNames.slice(0, 4) }),
    same,
    `${FILE}: tensor statistics.classes has class 4 at place 4, and there are 4 class names; the file was changed: take it from the run again`,
  ],
  [
    "a class below all",
    same,
    ({ "statistics.classes": classes }) => ({
      "statistics.classes": tensor(
        "int32",
        classes!.dims,
        Int32Array.from(classes!.data as Int32Array).with(0, -1),
      ),
    }),
    `${FILE}: tensor statistics.classes has class -1 at place 0, and there are 6 class names; the file was changed: take it from the run again`,
  ],
  [
    "means of fewer classes",
    same,
    ({ "statistics.means": means }) => {
      const [count, width] = means!.dims as [number, number];
      const data = (means!.data as Float32Array).slice(width);
      return { "statistics.means": tensor("float32", [count - 1, width], data) };
    },
    `${FILE}: tensor statistics.means is of 5 classes, the list beside it of 6; the file is damaged: take it from the run again`,
  ],
  [
    "NaN among the means",
    same,
    ({ "statistics.means": means }) => ({
      "statistics.means": tensor("float32", means!.dims, (means!.data as Float32Array).with(3, Number.NaN)),
    }),
    `${FILE}: tensor statistics.means has NaN as its number 3 of 384; expected finite numbers: get the file again, or train it again with a lower rate`,
  ],
  [
    "numbers of another type",
    same,
    ({ "statistics.scatter": scatter }) => ({
      "statistics.scatter": tensor(
        "float64",
        scatter!.dims,
        Float64Array.from(scatter!.data as Float32Array),
      ),
    }),
    `${FILE}: tensor statistics.scatter is float64; expected float32: the file is another program's`,
  ],
  [
    "images of 40000 pixels",
    () => ({ imageSize: 40_000 }),
    same,
    `${FILE}: its entry "fm-lora": imageSize: 40000 is too much; expected at most 2048 pixels`,
  ],
  [
    "a temperature of nothing",
    () => ({ temperatures: { lda: 0 } }),
    same,
    `${FILE}: its entry "fm-lora": temperatures.lda: Too small: expected number to be >0`,
  ],
])("%s", async (_, description, tensors, expected) => {
  expect(await refusal(changed(description, tensors))).toBe(expected);
});

test("300,000 class names, of which six have been learned", async () => {
  const more = Array.from({ length: 299_994 }, (_, label) => `later ${label}`);
  const model = await changed(({ classNames }) => ({ classNames: [...classNames, ...more] }));
  const images = new Uint8Array(model.preprocessing.size ** 2 * 3).fill(90);
  const [answer] = await model.classify({ images, count: 1 });
  const best = answer!.classes;
  expect(best).toHaveLength(300_000);
  expect(best[0]!.className).not.toMatch(/^later/);
  expect(best.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
  await model.dispose();
});
