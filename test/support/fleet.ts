/** @file Workers on a queue, killed with it in the middle of cells, and what the table has in the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Rng } from "../../src/tensor/rng.ts";
import type { Service } from "./services.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A grid that workers run. */
export interface Fleet {
  /** The folder that everything runs in. */
  readonly place: string;
  /** The grid's file in it. */
  readonly table: string;
  readonly queue: string;
  readonly server: Service;
  /** The secret that goes through the environment. */
  readonly password: string;
  /** The folder of each worker; the same for all where they share one. */
  readonly folders: readonly string[];
  /** Where results are collected. */
  readonly out: string;
  readonly kills: number;
  readonly seed: number;
  readonly say?: (line: string) => void;
}

/** How it went. */
export interface Played {
  /** Exit code of the command that waited for the results. */
  readonly code: number | null;
  /** Everything that was printed. */
  readonly output: string;
  /** Whom it struck: "worker 1", "server". */
  readonly killed: readonly string[];
}

/** Enqueues, starts a worker a folder, and kills one of them or the server so many times while a cell is at work. */
export async function playFleet(fleet: Fleet): Promise<Played> {
  const { server, folders, kills, seed, say = () => {} } = fleet;
  const rng = Rng.at("fleet", seed);
  let output = "";
  const started = (...words: string[]): ChildProcess => {
    const child = spawn(process.execPath, [MAIN, ...words, "--queue", fleet.queue], {
      cwd: fleet.place,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FMLORA_QUEUE_PASSWORD: fleet.password },
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    return child;
  };
  const ended = (child: ChildProcess): Promise<number | null> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
      else child.once("close", resolve);
    });
  const work = (folder: string): ChildProcess => started("worker", "--out", folder, "--stalled-after", "3");
  const collector = started("grid", "enqueue", fleet.table, "--out", fleet.out, "--wait");
  const workers = folders.map(work);
  const atWork = (): boolean =>
    folders.some(
      (folder) =>
        existsSync(join(fleet.place, folder)) &&
        readdirSync(join(fleet.place, folder)).some((id) =>
          existsSync(join(fleet.place, folder, id, ".lock")),
        ),
    );
  const killed: string[] = [];
  const waiting = ended(collector);
  let code: number | null | undefined;
  void waiting.then((value) => (code = value));
  while (killed.length < kills && code === undefined) {
    await wait(20);
    if (!atWork()) continue;
    await wait(rng.below(1500));
    const target = rng.below(folders.length + 1);
    if (target === folders.length) {
      await server.kill();
      await wait(rng.below(1000));
      await server.start();
      killed.push("server");
    } else {
      workers[target]!.kill("SIGKILL");
      await ended(workers[target]!);
      workers[target] = work(folders[target]!);
      killed.push(`worker ${target + 1}`);
    }
    say(`kill ${killed.length}: ${killed.at(-1)}`);
  }
  const last = await waiting;
  for (const worker of workers) worker.kill("SIGTERM");
  await Promise.all(workers.map(ended));
  return { code: last, output, killed };
}
