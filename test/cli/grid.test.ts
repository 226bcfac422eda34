/** @file `fmlora grid` on one machine and as an array, as a user starts it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readRun } from "../node/runs/run-folder.ts";
import { MAIN, Workplace } from "./command.ts";

const place = new Workplace();
const SETTINGS = `
benchmark: folder
data: images
tasks: 2
epochs: 1
batch-size: 8
micro-batch: 4
threads: 1
seed: [1, 2]
`;

beforeAll(async () => {
  await place.prepare();
  write("table.yaml", `${SETTINGS}backbone: backbone\nmethod: [ncm, fm-lora]\nrank: 8\n`);
  write("half.yaml", `${SETTINGS}backbone: [backbone, missing]\nmethod: ncm\n`);
  await place.fmlora(["grid", "table.yaml", "--out", "whole"]);
}, 120_000);
afterAll(() => place.remove());

const write = (name: string, text: string): void => writeFileSync(join(place.path, name), text);
const cellsIn = (folder: string): string[] =>
  readdirSync(join(place.path, folder)).filter((name) => !name.startsWith("."));
const runsIn = (folder: string) => cellsIn(folder).map((id) => readRun(join(place.path, folder, id)));
const plain = (text: string): string =>
  text.replaceAll(/\d+(\.\d+)? (min|s|h)\b( \d+ s)?/g, "TIME").replaceAll(/\b[0-9a-f]{12}\b/g, "ID");

test("--list names the cells and runs none", async () => {
  const { code, stdout, stderr } = await place.fmlora(["grid", "table.yaml", "--list", "--out", "none"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.match(/\b[0-9a-f]{12}\b/g)!.sort()).toEqual(cellsIn("whole"));
  expect(plain(stdout)).toMatchInlineSnapshot(`
    "0  ID  ncm, seed 1
    1  ID  fm-lora, seed 1
    2  ID  ncm, seed 2
    3  ID  fm-lora, seed 2
    "
  `);
  expect(existsSync(join(place.path, "none"))).toBe(false);
});

test("a cell is the run that a user would type, and compare shows the grid", async () => {
  const [id] = (await place.fmlora(["grid", "table.yaml", "--list"])).stdout.match(/\b[0-9a-f]{12}\b/g)!;
  const words =
    "--method ncm --data images --tasks 2 --epochs 1 --batch-size 8 --micro-batch 4 --threads 1 --seed 1";
  await place.fmlora(["run", "folder", ...words.split(" "), "--backbone", "backbone", "--out", "typed"]);
  expect(readRun(join(place.path, "typed"))).toEqual(readRun(join(place.path, "whole", id!)));
  for (const runs of [["whole"], ["whole/*"], cellsIn("whole").map((cell) => join("whole", cell))]) {
    const { code, stdout, stderr } = await place.fmlora(["compare", ...runs]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^ncm +ncm +2 /m);
    expect(stdout).toMatch(/^fm-lora +gaussian +2 /m);
  }
});

test("a failure stops nothing, is told in one line, and only what is not done is tried again", async () => {
  const first = await place.fmlora(["grid", "half.yaml", "--out", "half", "--jobs", "2"]);
  expect(first.code).toBe(1);
  expect(first.stderr).toContain("half.yaml: 2 of 4 cells failed; fmlora grid status half.yaml says why");
  const status = await place.fmlora(["grid", "status", "half.yaml", "--out", "half"]);
  expect(plain(status.stdout)).toMatchInlineSnapshot(`
    "2 of 4 cells done, 2 failed
    ID  ncm, seed 1, backbone backbone  done in TIME
    ID  ncm, seed 2, backbone backbone  done in TIME
    ID  ncm, seed 1, backbone missing   failed: --backbone missing: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name
    ID  ncm, seed 2, backbone missing   failed: --backbone missing: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name
    "
  `);
  const compared = await place.fmlora(["compare", "half/*"]);
  expect(compared.stdout).toMatch(/^ncm +ncm +2 /m);
  const json = JSON.parse(
    (await place.fmlora(["grid", "status", "half.yaml", "--out", "half", "--json"])).stdout,
  );
  expect(json.counts).toEqual({ done: 2, running: 0, failed: 2, cut: 0, waiting: 0 });

  const again = await place.fmlora(["grid", "half.yaml", "--out", "half"]);
  expect(again.code).toBe(1);
  expect(again.stderr.match(/: done in/g)).toBeNull();
  expect(again.stderr.match(/: failed: /g)?.length).toBe(2);
});

test("killed, with its cells, it continues and ends as if nothing had happened", async () => {
  const child = spawn(process.execPath, [MAIN, "grid", "table.yaml", "--out", "killed", "--jobs", "2"], {
    cwd: place.path,
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  await until(() => checkpointed("killed"));
  child.kill("SIGKILL");
  await ended;
  // The cells' processes end with it: nothing keeps a folder.
  await until(() => cellsIn("killed").every((id) => !alive(join(place.path, "killed", id, ".lock"))));
  expect(cellsIn("killed").some((id) => !existsSync(join(place.path, "killed", id, "metrics.json")))).toBe(
    true,
  );
  const { code } = await place.fmlora(["grid", "table.yaml", "--out", "killed", "--jobs", "2"]);
  expect(code).toBe(0);
  expect(runsIn("killed")).toEqual(runsIn("whole"));
}, 120_000);

test.each(["SIGINT", "SIGUSR1"] as const)(
  "%s stops an array's process cleanly, and the next one resumes",
  async (signal) => {
    const out = `array ${signal}`;
    const env = { ...process.env, SLURM_ARRAY_TASK_ID: "3" };
    const run = () =>
      spawn(process.execPath, [MAIN, "grid", "run", "table.yaml", "--out", out], { cwd: place.path, env });
    const child = run();
    let said = "";
    child.stderr.on("data", (text) => (said += text));
    const stopped = new Promise((resolve) => child.once("close", resolve));
    await until(() => checkpointed(out));
    child.kill(signal);
    expect(await stopped).toBe(130);
    expect(said).toContain("stopped; the same command continues");
    expect(said).not.toContain("Debugger");
    const status = await place.fmlora(["grid", "status", "table.yaml", "--out", out]);
    expect(status.stdout).toContain("to be continued from its checkpoint");
    expect(await new Promise((resolve) => run().once("close", resolve))).toBe(0);
    const [id] = cellsIn(out);
    expect(readRun(join(place.path, out, id!))).toEqual(readRun(join(place.path, "whole", id!)));
    expect(await new Promise((resolve) => run().once("close", resolve))).toBe(0); // is done
    rmSync(join(place.path, out), { recursive: true });
  },
  120_000,
);

test("indices in parallel processes make the same grid", async () => {
  const codes = await Promise.all(
    [0, 1, 2, 3].map((index) =>
      place.fmlora(["grid", "run", "table.yaml", "--out", "array", "--index", String(index)]),
    ),
  );
  expect(codes.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  expect(runsIn("array")).toEqual(runsIn("whole"));
}, 120_000);

test("what is wrong is said in one line", async () => {
  expect(await place.refused("grid", "none.yaml")).toMatchInlineSnapshot(
    `"fmlora: none.yaml: no such file; expected a grid in YAML (docs/grids.md) [2]"`,
  );
  expect(await place.refused("grid", "table.yaml", "--jobs", "0")).toMatchInlineSnapshot(
    `"fmlora: --jobs "0": expected a whole number of at least 1 [2]"`,
  );
  expect(await place.refused("grid", "run", "table.yaml", "--out", "none")).toMatchInlineSnapshot(
    `"fmlora: --index is missing: which cell, counted from 0; else SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX says it [2]"`,
  );
  expect(await place.refused("grid", "run", "table.yaml", "--index", "4")).toMatchInlineSnapshot(
    `"fmlora: --index "4": expected a whole number from 0 to 3 [2]"`,
  );
  write("broken.yaml", "benchmark: emoji\nmethod: [ncm\nseed: 1\n");
  expect(await place.refused("grid", "broken.yaml")).toMatchInlineSnapshot(
    `"fmlora: broken.yaml line 3: Flow sequence in block collection must be sufficiently indented and end with a ] [2]"`,
  );
});

/** Whether a cell has a checkpoint and isn't done. */
function checkpointed(folder: string): boolean {
  if (!existsSync(join(place.path, folder))) return false;
  return cellsIn(folder).some(
    (id) =>
      existsSync(join(place.path, folder, id, "checkpoint.safetensors")) &&
      !existsSync(join(place.path, folder, id, "metrics.json")),
  );
}

function alive(lock: string): boolean {
  if (!existsSync(lock)) return false;
  const { pid } = JSON.parse(readFileSync(lock, "utf8")) as { pid: number };
  return existsSync(`/proc/${pid}`);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
