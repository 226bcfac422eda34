/** @file Cells in a queue, on the real Redis and the real PostgreSQL: killed, drained, failed, and nothing secret anywhere. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TIME_VALUES } from "../node/runs/run-folder.ts";
import { type Fleet, playFleet } from "../support/fleet.ts";
import { missing, POSTGRES, postgres, REDIS, redis, type Service } from "../support/services.ts";
import { MAIN, Workplace } from "./command.ts";

const PASSWORD = "swordfish-7f3a";
const place = new Workplace();
const TABLE = `benchmark: folder
data: images
backbone: backbone
tasks: 2
epochs: 2
batch-size: 8
micro-batch: 4
rank: 8
threads: 1
method: [fm-lora, ncm]
seed: [1, 2]
`;

beforeAll(async () => {
  await place.prepare();
  writeFileSync(join(place.path, "table.yaml"), TABLE);
  await place.fmlora(["grid", "table.yaml", "--out", "whole"]);
}, 120_000);
/** PostgreSQL's files belong to a user that can't enter ours. */
const postgresFolder = `${place.path}-pg`;
afterAll(() => {
  place.remove();
  rmSync(postgresFolder, { recursive: true, force: true });
});

/** metrics.json of every cell, without times and memory. */
function tableOf(folder: string): Record<string, string> {
  const ids = readdirSync(join(place.path, folder)).filter((name) => !name.startsWith("."));
  const text = (id: string) => readFileSync(join(place.path, folder, id, "metrics.json"), "utf8");
  return Object.fromEntries(ids.map((id) => [id, text(id).replace(TIME_VALUES, "$1")]));
}

const SERVERS = [
  {
    name: "Redis",
    lacks: missing("Redis", REDIS, "apt-get install redis-server"),
    start: () => redis(join(place.path, "redis"), PASSWORD),
    url: (port: number) => `redis://127.0.0.1:${port}`,
  },
  {
    name: "PostgreSQL",
    lacks: missing("PostgreSQL", POSTGRES, "apt-get install postgresql"),
    start: () => postgres(join(postgresFolder, "data"), PASSWORD),
    url: (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  },
];

for (const { name, lacks, start, url } of SERVERS) {
  describe.skipIf(lacks)(name, () => {
    let server: Service;
    let queue: string;
    beforeAll(async () => {
      server = await start();
      queue = url(server.port);
    }, 150_000);
    afterAll(() => server.stop());

    const fleet = (more: Partial<Fleet>): Fleet => ({
      place: place.path,
      table: "table.yaml",
      queue,
      server,
      password: PASSWORD,
      folders: [`${name} a`, `${name} b`],
      out: `${name} out`,
      kills: 3,
      seed: name.length,
      ...more,
    });
    test("two workers without a shared folder, killed with the server, make the table of an undisturbed grid", async () => {
      const { code, output, killed } = await playFleet(fleet({}));
      expect({ code, kills: killed.length }, output).toEqual({ code: 0, kills: expect.any(Number) });
      expect(killed.length).toBeGreaterThan(0);
      expect(tableOf(`${name} out`)).toEqual(tableOf("whole"));
      expect(output).not.toContain(PASSWORD);
      expect(withPassword()).toEqual([]);
    }, 180_000);

    test("a worker that is stopped gives its cell back, and another continues it from the shared folder", async () => {
      const shared = ["--name", "shared", "--out", `${name} shared`, "--queue", queue];
      const env = { ...process.env, FMLORA_QUEUE_PASSWORD: PASSWORD };
      const run = (...words: string[]) => {
        const child = spawn(process.execPath, [MAIN, ...words], { cwd: place.path, env });
        let said = "";
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
        const end = new Promise<number | null>((resolve) => child.once("close", resolve));
        return { child, end, said: () => said };
      };
      expect(await run("grid", "enqueue", "table.yaml", ...shared).end).toBe(0);
      const first = run("worker", ...shared);
      while (!checkpointed(`${name} shared`)) await new Promise((resolve) => setTimeout(resolve, 5));
      first.child.kill("SIGTERM");
      while (!first.said().includes("taking no further cells"))
        await new Promise((resolve) => setTimeout(resolve, 5));
      first.child.kill("SIGTERM");
      expect(await first.end, first.said()).toBe(0);
      const second = run("worker", "--until-empty", ...shared);
      expect(await second.end).toBe(0);
      const collected = run("grid", "collect", "table.yaml", "--wait", ...shared);
      expect(await collected.end, collected.said()).toBe(0);
      expect(tableOf(`${name} shared`)).toEqual(tableOf("whole"));
      const logs = join(place.path, `${name} shared`, ".grid", "logs");
      const texts = readdirSync(logs).map((log) => readFileSync(join(logs, log), "utf8"));
      expect(texts.filter((text) => text.includes("continuing with task")).length).toBe(1);
    }, 120_000);

    test("a worker waits for its server, and a cell that can't be run is told in one line and not tried again", async () => {
      writeFileSync(join(place.path, "wrong.yaml"), `${TABLE.replace("data: images", "data: none")}`);
      const env = { FMLORA_QUEUE_PASSWORD: PASSWORD };
      const options = ["--name", "wrong", "--queue", queue];
      const words = (...own: string[]) => [...own, ...options];
      await place.fmlora(
        words("grid", "enqueue", "wrong.yaml", "--out", `${name} wrong`),
        undefined,
        [],
        env,
      );
      await server.kill();
      const worker = place.fmlora(
        words("worker", "--until-empty", "--jobs", "2", "--out", `${name} c`),
        undefined,
        [],
        env,
      );
      await new Promise((resolve) => setTimeout(resolve, 2500)); // it finds no server
      await server.start();
      expect((await worker).code).toBe(0);
      const end = await place.fmlora(
        words("grid", "collect", "wrong.yaml", "--wait", "--out", `${name} wrong`),
        undefined,
        [],
        env,
      );
      expect(end.code).toBe(1);
      expect(end.stdout).toMatch(/failed: none: no such folder/);
      expect(end.stderr).toContain("wrong.yaml: 4 of 4 cells failed");
    }, 120_000);
  });
}

test("passwords are not taken from what is typed, nor shown", async () => {
  const typed = await place.refused(
    "grid",
    "enqueue",
    "table.yaml",
    "--queue",
    `redis://:${PASSWORD}@127.0.0.1`,
  );
  expect(typed).toMatchInlineSnapshot(
    `"fmlora: --queue: leave the password out and set FMLORA_QUEUE_PASSWORD; what is typed stands in lists of processes [2]"`,
  );
  expect(await place.refused("worker", "--queue", `http://:${PASSWORD}@127.0.0.1`)).toMatchInlineSnapshot(
    `"fmlora: --queue: expected redis://HOST[:PORT][/DATABASE], rediss:// or postgres://HOST[:PORT]/DATABASE [2]"`,
  );
  expect(await place.refused("worker")).toMatchInlineSnapshot(
    `"fmlora: --queue is missing: expected redis://HOST[:PORT][/DATABASE], rediss:// or postgres://HOST[:PORT]/DATABASE; or set FMLORA_QUEUE [2]"`,
  );
});

/** Files in which the password stands, but those of the servers themselves. */
function withPassword(): string[] {
  return readdirSync(place.path, { recursive: true, encoding: "utf8" }).filter((path) => {
    if (/^(redis|images|pg-password)/.test(path)) return false;
    try {
      return readFileSync(join(place.path, path)).includes(PASSWORD);
    } catch {
      return false; // a folder, or gone by now
    }
  });
}

/** Whether a cell has a checkpoint and isn't done. */
function checkpointed(folder: string): boolean {
  if (!existsSync(join(place.path, folder))) return false;
  return readdirSync(join(place.path, folder)).some(
    (id) =>
      existsSync(join(place.path, folder, id, "checkpoint.safetensors")) &&
      !existsSync(join(place.path, folder, id, "metrics.json")),
  );
}
