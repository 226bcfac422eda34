/** @file What benchmarks share: statistics, peak memory, the machine, and workers that answer line by line. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Smallest and middle of a list. @throws if it is empty */
export function spread(values: readonly number[]): { minimum: number; median: number } {
  if (values.length === 0) throw new Error("spread: no values");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { minimum: sorted[0]!, median };
}

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
export function machine(): Record<string, unknown> {
  const [first] = cpus();
  return { cpu: first?.model ?? "unknown", cores: cpus().length, node: process.version };
}

/** Writes a result beside the benchmarks, under its name. */
export function writeResult(name: string, result: unknown): string {
  const file = fileURLToPath(new URL(`results/${name}.json`, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}

/** A child process that answers every JSON line on its stdin with one on its stdout. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];

  constructor(command: string, arguments_: readonly string[], environment: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(command, arguments_, { stdio: ["pipe", "pipe", "inherit"], env: environment });
    createInterface({ input: this.#child.stdout! }).on("line", (line) =>
      this.#waiting.shift()?.resolve(line),
    );
    this.#child.on("error", (error) => this.#fail(error));
    this.#child.on("exit", (code) => this.#fail(new Error(`${command} ended with ${code}`)));
  }

  /** Sends one request and waits for its answer. */
  ask<T>(request: unknown): Promise<T> {
    const answer = new Promise<string>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    return answer.then((line) => JSON.parse(line) as T);
  }

  /** Largest resident memory so far, in bytes. */
  peakMemory(): number | null {
    return peakMemory(this.#child.pid!);
  }

  /** Ends the process. */
  stop(): void {
    this.#child.stdin!.end();
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Answers requests on stdin until it closes: the other end of `Worker`. */
export async function serve(handle: (request: never) => Promise<unknown>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await handle(JSON.parse(line) as never))}\n`);
  }
}
