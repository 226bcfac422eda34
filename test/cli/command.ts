/** @file The built command as a user starts it, with a small backbone and small images beside it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

/** What a command left. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built command. */
export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A folder of its own with `images/` (6 classes, split), `backbone/`, and commands that run in it. */
export class Workplace {
  readonly path = mkdtempSync(join(tmpdir(), "fmlora-cli-"));

  async prepare(): Promise<this> {
    await writeToyFolder(join(this.path, "images"), { classes: 6, train: 8, test: 3 });
    writeTinyBackbone(join(this.path, "backbone"));
    return this;
  }

  /** `fmlora ARGS`, to its end. `onOutput` sees standard output as it comes; `flags` are Node's own, `more` goes into the environment. */
  fmlora(
    args: readonly string[],
    onOutput: (text: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
    flags: readonly string[] = [],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...flags, MAIN, ...args], {
        cwd: this.path,
        stdio: ["ignore", "pipe", "pipe"],
        // Without CI, as on a user's machine: libraries look at it.
        env: { ...process.env, CI: undefined, NO_COLOR: "1", COLUMNS: "100", ...more },
      });
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        onOutput(text, (signal) => child.kill(signal));
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Code and standard error, with nothing on standard output. */
  async refused(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.fmlora(args);
    return `${stdout}${stderr.trimEnd()} [${code}]`;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** A run of about two seconds; further flags override these. */
export const QUICK = [
  "run",
  "folder",
  "--data",
  "images",
  "--backbone",
  "backbone",
  "--tasks",
  "3",
  "--epochs",
  "2",
  "--batch-size",
  "8",
  "--micro-batch",
  "4",
  "--threads",
  "1",
  "--rank",
  "8",
  "--seed",
  "5",
];
