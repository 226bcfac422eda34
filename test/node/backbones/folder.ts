/** @file Checkpoint folders for tests: a golden network's files with parts replaced. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { InputError } from "../../../src/tensor/errors.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { formulaWeight } from "../../parity/formula.ts";
import { GOLDENS, type Golden } from "../../parity/networks.ts";

/** The golden of that name. */
export const goldenNamed = (wanted: string): Golden => GOLDENS.find(({ name }) => name === wanted)!;

/** Its tensors under the names of its file. */
export const storedTensors = ({ tensors }: Golden): Record<string, Tensor> =>
  Object.fromEntries(tensors.map(([name, dims]) => [name, formulaWeight(name, dims)]));

/** Writes the files; objects become JSON, and null removes what an earlier test left. */
export function writeFiles(folder: string, files: Readonly<Record<string, object | null>>): void {
  for (const [name, content] of Object.entries(files)) {
    rmSync(join(folder, name), { force: true });
    if (content === null) continue;
    writeFileSync(join(folder, name), content instanceof Uint8Array ? content : JSON.stringify(content));
  }
}

/** Expects an InputError of one line that has the text. */
export function expectComplaint(action: () => unknown, expected: string): void {
  let complaint: unknown;
  try {
    action();
  } catch (error) {
    complaint = error;
  }
  expect(complaint).toBeInstanceOf(InputError);
  expect((complaint as InputError).message).toContain(expected);
  expect((complaint as InputError).message).toMatch(/^[^\n]+$/);
}
