/** @file A model that was damaged after it was written: --resume writes it again from the checkpoint, byte for byte. */
import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { toyRequest } from "../../support/toy-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-damaged-"));
afterAll(() => rmSync(root, { recursive: true }));

test("the model of a finished run, and that of one in the middle of a task", async () => {
  const request = await toyRequest(root);
  const out = join(root, "run");
  const file = join(out, "model", "model.safetensors");
  const wanted = { ...request, epochs: 2, firstEpochs: 1, tasks: 2, out };
  const controller = new AbortController();
  let epochs = 0;
  const stopped = runBenchmark({
    ...wanted,
    listen(event) {
      if (event.type === "epoch" && ++epochs === 3) controller.abort();
    },
    signal: controller.signal,
  });
  await expect(stopped).rejects.toThrow();
  const first = readFileSync(file);
  truncateSync(file, 100);
  const resumed: Buffer[] = [];
  await runBenchmark({
    ...wanted,
    resume: true,
    listen(event) {
      if (event.type === "resume") resumed.push(readFileSync(file));
    },
  });
  expect(resumed[0]?.equals(first)).toBe(true);
  const last = readFileSync(file);
  for (const damage of [() => truncateSync(file, 0), () => rmSync(file)]) {
    damage();
    await runBenchmark({ ...wanted, resume: true });
    expect(readFileSync(file).equals(last)).toBe(true);
  }
});
