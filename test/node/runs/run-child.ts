/** @file A run in its own process, which tests kill. Usage: node --import tsx run-child.ts REQUEST.json [RESUME] */
import { readFileSync } from "node:fs";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import type { RunEvent } from "../../../src/train/events.ts";

const [file, resume] = process.argv.slice(2) as [string, string | undefined];
const request = JSON.parse(readFileSync(file, "utf8")) as RunRequest;
try {
  const listen = (event: RunEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
  await runBenchmark({ ...request, resume: resume === "resume", listen });
} catch (error) {
  process.stderr.write(`${(error as Error).name}: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
