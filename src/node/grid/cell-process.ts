/** @file One cell in a process of its own: `fmlora run`, as a user would type it. */
import { type ChildProcess, spawn } from "node:child_process";
import { addAbortListener } from "node:events";
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Cell, runWords } from "../../grid/cells.ts";
import type { RunEvent } from "../../train/events.ts";
import { writerOf } from "../files/folder-lock.ts";
import type { GridFolder } from "./folder.ts";

/** How a cell is run. */
export interface CellOptions {
  readonly folder: GridFolder;
  /** Threads for a cell whose settings and whose earlier run say nothing. */
  readonly threads: number;
  readonly log: readonly string[];
  readonly listen?: ((event: RunEvent) => void) | undefined;
  /** Ends what is at work: its last checkpoint stands. */
  readonly stop?: AbortSignal | undefined;
}

/** How a cell's process ended. */
export type CellEnd =
  | { readonly name: "done" }
  | { readonly name: "stopped" }
  /** Another process writes its folder. */
  | { readonly name: "busy"; readonly writer: string }
  /** `final`: it would fail again. */
  | { readonly name: "failed"; readonly line: string; readonly final: boolean };

/** Its own from the environment: a run has no use for them. */
const CREDENTIALS = ["FMLORA_QUEUE", "FMLORA_QUEUE_PASSWORD"];
/** As much of the log's end as is looked through for an error. */
const TAIL = 4096;

/** Runs or resumes a cell to its end, its messages into its log. Never throws for what goes wrong in the cell. */
export async function runCell(cell: Cell, options: CellOptions): Promise<CellEnd> {
  const { folder, stop } = options;
  const out = folder.out(cell);
  if (isStopped(stop)) return { name: "stopped" };
  const writer = writerOf(out);
  if (writer !== undefined) return { name: "busy", writer };
  const begun = Date.now();
  const before = folder.note(cell);
  const startedAt = new Date(begun).toISOString();
  await folder.writeNote(cell, { ...before, startedAt, failure: undefined });
  const [code, signal, text] = await processEnd(cell, options);
  const end = endOf({ code, signal, text, out, done: folder.isDone(cell), stopped: isStopped(stop) });
  const failed = end.name === "failed";
  await folder.writeNote(cell, {
    failures: before.failures + (failed ? 1 : 0),
    startedAt,
    seconds: before.seconds + (end.name === "busy" ? 0 : (Date.now() - begun) / 1000),
    failure: failed ? end.line : undefined,
  });
  return end;
}

/** As a call: it changes in between. */
const isStopped = (stop: AbortSignal | undefined): boolean => stop?.aborted === true;

/** The words that Node is started with, for `fmlora` of this build or, in development, of these sources. */
export function commandWords(): string[] {
  const source = import.meta.url.endsWith(".ts");
  const main = fileURLToPath(new URL(source ? "../../cli/main.ts" : "../../cli/main.js", import.meta.url));
  if (!source) return [main];
  const loader = createRequire(import.meta.url).resolve("tsx"); // the folder it is started in may have none
  return ["--import", pathToFileURL(loader).href, main];
}

/** Exit code, signal, and the end of what was said. */
async function processEnd(
  cell: Cell,
  { folder, threads, log, listen, stop }: CellOptions,
): Promise<[code: number | null, signal: string | null, text: string]> {
  const words = [
    ...runWords(cell),
    `--out=${folder.out(cell)}`,
    "--resume",
    "--json",
    ...(cell.settings.threads === undefined ? [`--threads=${folder.threads(cell) ?? threads}`] : []),
    ...(log.length === 0 ? [] : [`--log=${log.join(",")}`]),
  ];
  const file = folder.log(cell);
  mkdirSync(dirname(file), { recursive: true });
  const messages = openSync(file, "a+");
  try {
    const child = spawn(process.execPath, [...commandWords(), ...words], {
      // The channel tells the child when this process dies.
      stdio: ["ignore", "pipe", messages, "ipc"],
      env: { ...withoutCredentials(), FMLORA_CELL: cell.id },
      detached: process.platform !== "win32", // Ctrl-C is for this process, which passes on what it means
    });
    const ending = stopping(child, stop);
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const event = parsed(line);
      if (event !== undefined) listen?.(event);
    });
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (...end) => resolve(end));
    }).finally(ending);
    return [code, signal, tailOf(messages)];
  } finally {
    closeSync(messages);
  }
}

function withoutCredentials(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !CREDENTIALS.includes(name)));
}

/** Tells the child to stop. Returns what forgets the child. */
function stopping(child: ChildProcess, stop: AbortSignal | undefined): () => void {
  if (stop === undefined) return () => {};
  const listener = addAbortListener(stop, () => child.kill("SIGTERM"));
  return () => listener[Symbol.dispose]();
}

/** A line that was cut, as by a kill, is none. */
function parsed(line: string): RunEvent | undefined {
  try {
    return JSON.parse(line) as RunEvent;
  } catch {
    return undefined;
  }
}

function tailOf(file: number): string {
  const { size } = fstatSync(file);
  const length = Math.min(size, TAIL);
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, size - length);
  return bytes.toString("utf8");
}

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly text: string;
  readonly out: string;
  readonly done: boolean;
  readonly stopped: boolean;
}

function endOf({ code, signal, text, out, done, stopped }: Ended): CellEnd {
  if (code === 0 && done) return { name: "done" };
  if (stopped || code === 130) return { name: "stopped" };
  const writer = code === 2 ? writerOf(out) : undefined;
  if (writer !== undefined) return { name: "busy", writer };
  const said = text
    .match(/^fmlora: (.*)$/gm)
    ?.at(-1)
    ?.slice("fmlora: ".length);
  if (signal !== null) {
    return {
      name: "failed",
      line: `its process was killed (${signal}); too little memory is one cause`,
      final: false,
    };
  }
  return {
    name: "failed",
    line: said ?? `its process ended with code ${code} without a message`,
    final: code === 2,
  };
}
