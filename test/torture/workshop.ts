/** @file What is tortured: a small run by the built command, and what must hold of it whatever happens. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { decodeSafetensors } from "../../src/tensor/safetensors.ts";
import { decodeCheckpoint } from "../../src/train/checkpoint.ts";
import { type RunFolder, readRun } from "../node/runs/run-folder.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** A command that takes longer hangs. */
const PATIENCE = 120_000;

/** What a command left. */
export interface Outcome {
  /** null: it was killed. */
  readonly code: number | null;
  readonly stderr: string;
  readonly hung: boolean;
}

/** How one kind of torture went. */
export class Tally {
  readonly name: string;
  tried = 0;
  readonly failures: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** Counts one try; `faults` says what did not hold. */
  count(what: string, faults: readonly string[]): void {
    this.tried++;
    if (faults.length > 0) this.failures.push(`${what}: ${faults.join("; ")}`);
  }

  /** "kills: 200 tried, 200 held, 0 failed" */
  toString(): string {
    const failed = this.failures.length;
    return `${this.name}: ${this.tried} tried, ${this.tried - failed} held, ${failed} failed`;
  }
}

/** A folder with images, a backbone and the run that nothing happened to. */
export class Workshop {
  readonly path = mkdtempSync(join(tmpdir(), "fm-lora-torture-"));
  #whole: RunFolder | undefined;

  async prepare(): Promise<this> {
    await writeToyFolder(this.at("images"), { classes: 6, train: 4, test: 2 });
    writeTinyBackbone(this.at("backbone"));
    const { code, stderr } = await this.run(this.at("whole"));
    if (code !== 0) throw new Error(`the run that nothing happens to ended with ${code}: ${stderr}`);
    this.#whole = readRun(this.at("whole"));
    return this;
  }

  at(...path: string[]): string {
    return join(this.path, ...path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** The run, in a process of its own. */
  run(
    out: string,
    how: {
      readonly resume?: boolean;
      readonly kill?: { readonly at: number; readonly how: string };
      readonly onLine?: (line: string, child: ChildProcess) => void;
    } = {},
  ): Promise<Outcome> {
    const options =
      "--tasks 3 --epochs 1 --batch-size 8 --micro-batch 4 --threads 1 --rank 8 --seed 5 --json";
    const args = [
      ...["run", "folder", "--data", this.at("images"), "--backbone", this.at("backbone"), "--out", out],
      ...options.split(" "),
      ...(how.resume === true ? ["--resume"] : []),
    ];
    return this.command(args, how);
  }

  /** Any command. */
  command(
    args: readonly string[],
    { kill, onLine }: Pick<NonNullable<Parameters<Workshop["run"]>[1]>, "kill" | "onLine"> = {},
  ): Promise<Outcome> {
    const preload = new URL("kill-preload.mjs", import.meta.url).href;
    const flags = kill === undefined ? [] : ["--import", preload];
    const env = { ...process.env, FMLORA_KILL_AT: String(kill?.at ?? 0), FMLORA_KILL_HOW: kill?.how ?? "" };
    const child = spawn(process.execPath, [...flags, MAIN, ...args], {
      cwd: this.path,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...env, HF_HUB_OFFLINE: "1" },
    });
    let [hung, stderr, rest] = [false, "", ""];
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine?.(line, child);
    });
    const timer = setTimeout(() => {
      hung = true;
      child.kill("SIGKILL");
    }, PATIENCE);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        clearTimeout(timer);
        resolve({ code, stderr, hung });
      });
    });
  }

  /** What a folder has that differs from the run that nothing happened to. */
  differences(out: string): string[] {
    const whole = this.#whole!;
    const found = readRun(out);
    return (["model", "metrics", "events"] as const)
      .filter((part) => !isDeepStrictEqual(found[part], whole[part]))
      .map((part) => `its ${part} differ from an undisturbed run's`);
  }
}

/** What is wrong with the way a command ended: it may only succeed, or refuse in one line. */
export function badEnding({ code, stderr, hung }: Outcome, killed = false): string[] {
  if (hung) return ["it hangs"];
  if (code === null) return killed ? [] : ["it was killed by a signal"];
  const lines = stderr.split("\n").filter((line) => line.startsWith("fmlora:"));
  return [
    ...(code === 0 || code === 2 ? [] : [`exit code ${code}: ${stderr.trimEnd().split("\n").at(-1)}`]),
    ...(code === 2 && lines.length !== 1 ? [`${lines.length} lines for exit code 2`] : []),
    ...(/^ {4}at /m.test(stderr) ? [`a stack: ${stderr}`] : []),
  ];
}

/** Checkpoint and model are whole, or not there. */
export function shortFiles(out: string): string[] {
  const whole = (file: string, decode: (bytes: Uint8Array, file: string) => unknown): string[] => {
    if (!existsSync(file)) return [];
    try {
      decode(readFileSync(file), file);
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  };
  return [
    ...whole(join(out, "checkpoint.safetensors"), decodeCheckpoint),
    ...whole(join(out, "model", "model.safetensors"), decodeSafetensors),
    ...whole(join(out, "metrics.json"), (bytes) => JSON.parse(new TextDecoder().decode(bytes))),
  ];
}
