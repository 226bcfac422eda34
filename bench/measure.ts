/** @file What benchmarks share: processes that answer line by line, sides that take turns, peak memory, the machine. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Largest resident memory of a process so far in bytes, from /proc; null where there is no /proc. */
export function peakMemory(pid: number): number | null {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1024;
  } catch {
    return null;
  }
}

/** What a result depends on besides the code. */
export function machine(): Record<string, string | number> {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}

/** A folder of its own for `work`, gone afterwards. */
export async function inTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A child process that answers every JSON line on its stdin with one on its stdout. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  /** Last lines of standard error: what to show where it ends too early. */
  #errors = "";

  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: environment });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      // Libraries print, too; answers are JSON objects.
      if (line.startsWith("{")) this.#waiting.shift()?.resolve(line);
    });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#child.stdin!.on("error", () => {}); // it has ended: "close" tells
    this.#child.on("error", (error) => this.#fail(error));
    this.#child.on("close", (code) => this.#fail(new Error(`ended with ${code}: ${this.#lastError()}`)));
  }

  /** Sends one request and waits for its answer. @throws if the process ends first */
  ask<T>(request: unknown): Promise<T> {
    const answer = new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#child.exitCode !== null) this.#fail(new Error(this.#lastError()));
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return answer.then((line) => JSON.parse(line) as T);
  }

  /** Largest resident memory so far, in MiB; "–" where nobody tells. */
  peakMiB(): number | "–" {
    const bytes = peakMemory(this.#child.pid!);
    return bytes === null ? "–" : Math.round(bytes / 2 ** 20);
  }

  /** Ends the process. */
  stop(): void {
    this.#child.stdin!.end();
  }

  #lastError(): string {
    return this.#errors.trim().split("\n").at(-1) ?? "no message";
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Answers requests on stdin until it closes: the other end of `Worker`. */
export async function serve<Request>(handle: (request: Request) => Promise<unknown>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await handle(JSON.parse(line) as Request))}\n`);
  }
}

/** A process of our own: this script again, with arguments that it knows to be for a worker. */
export const ownWorker = (script: string, args: readonly string[]): Worker =>
  new Worker(process.execPath, [...process.execArgv, fileURLToPath(script), ...args]);

/** A script of bench/, run by Python. */
export function pythonWorker(python: string, script: string, args: readonly string[]): Worker {
  const environment: NodeJS.ProcessEnv = { ...process.env, HF_HUB_OFFLINE: "1", PYTHONWARNINGS: "ignore" };
  delete environment.OPENBLAS_CORETYPE; // slows a current numpy
  delete environment.OPENBLAS_L2_SIZE;
  return new Worker(python, [fileURLToPath(new URL(script, import.meta.url)), ...args], environment);
}

/** One of those that are compared, in a process of its own. */
export interface Side {
  readonly name: string;
  readonly worker: Worker;
}

/**
 * All sides in turns: whatever else slows the machine slows all of them. Round 0 warms up.
 * A side that fails is told of and left out. Processes are ended in any case.
 * @param ask one turn of a side
 * @returns the answers of every side that came to the end, those of round 0 first
 */
export async function takeTurns<Kind extends Side, Answer>(
  sides: readonly Kind[],
  rounds: number,
  ask: (side: Kind, round: number) => Promise<Answer>,
): Promise<{ side: Kind; answers: Answer[]; peakMiB: number | "–" }[]> {
  const running = sides.map((side) => ({ side, answers: [] as Answer[], failed: false }));
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const each of running.filter(({ failed }) => !failed)) {
        try {
          each.answers.push(await ask(each.side, round));
        } catch (error) {
          each.failed = true;
          console.error(`LEFT OUT: ${each.side.name}: ${(error as Error).message}`);
        }
      }
    }
    return running
      .filter(({ failed }) => !failed)
      .map(({ side, answers }) => ({ side, answers, peakMiB: side.worker.peakMiB() }));
  } finally {
    for (const { worker } of sides) worker.stop();
  }
}
