/** @file A process that has one model: calls go there, answers and progress come back. */
import { type ChildProcess, fork } from "node:child_process";
import { addAbortListener } from "node:events";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { LearnerProgress } from "../../learner/index.ts";
import { InputError } from "../../tensor/errors.ts";
import type { CallName, Calls, Message, ProcessSettings, Reply } from "./calls.ts";

/** A process that was told to stop has so long, then it is killed: what it writes is whole or not there. */
const PATIENCE = 10_000;

/** Who hears of a call, and who ends it. */
export interface CallOptions {
  readonly onProgress?: ((progress: LearnerProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The model's process is gone. */
export class ProcessEndedError extends Error {
  override readonly name = "ProcessEndedError";
}

interface Pending {
  readonly resolve: (back: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: CallOptions["onProgress"];
}

/** A process for one model, from the first call until it is closed. */
export class ModelProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #next = 0;
  #alive = true;

  constructor(settings: ProcessSettings) {
    const source = import.meta.url.endsWith(".ts");
    const entry = fileURLToPath(new URL(source ? "entry.ts" : "entry.js", import.meta.url));
    this.#child = fork(entry, [JSON.stringify(settings)], {
      serialization: "advanced", // typed arrays as they are
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      execArgv: source ? ["--import", pathToFileURL(fileURLToPath(import.meta.resolve("tsx"))).href] : [],
    });
    this.#child.on("message", (reply: Reply) => this.#settle(reply));
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.#alive = false;
        for (const { reject } of this.#pending.values()) reject(new ProcessEndedError(reason));
        this.#pending.clear();
        resolve();
      };
      this.#child.on("error", (error) => end(`the model's process failed: ${error.message}`));
      this.#child.on("exit", (code, signal) =>
        end(
          `the model's process ended (${signal ?? `code ${code}`}); too little memory is one cause; ask again`,
        ),
      );
    });
  }

  /** Whether calls can be made. */
  get alive(): boolean {
    return this.#alive;
  }

  /** The number of the process. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * @throws InputError for what the caller can mend
   * @throws ProcessEndedError if the process ends before it answers
   */
  call<Name extends CallName>(
    name: Name,
    given: Calls[Name]["given"],
    { onProgress, signal }: CallOptions = {},
  ): Promise<Calls[Name]["back"]> {
    const id = this.#next++;
    const listener = signal === undefined ? undefined : addAbortListener(signal, () => this.#cancel(id));
    return new Promise<unknown>((resolve, reject) => {
      if (!this.#alive) throw new ProcessEndedError("the model's process has ended; ask again");
      this.#pending.set(id, { resolve, reject, onProgress });
      this.#post({ id, name, given });
    }).finally(() => listener?.[Symbol.dispose]()) as Promise<Calls[Name]["back"]>;
  }

  /** Ends the process; what is being computed is not waited for. */
  async close(): Promise<void> {
    if (this.#alive) this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #cancel(id: number): void {
    this.#post({ id, cancel: true });
    setTimeout(() => {
      if (this.#pending.has(id)) this.#child.kill("SIGKILL");
    }, PATIENCE).unref();
  }

  #post(message: Message): void {
    // An error of the channel is followed by the process's end, which rejects what is pending.
    this.#child.send(message, () => {});
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    if ("progress" in reply) {
      pending.onProgress?.(reply.progress);
      return;
    }
    this.#pending.delete(reply.id);
    if ("back" in reply) pending.resolve(reply.back);
    else pending.reject(reply.input ? new InputError(reply.error) : new Error(reply.error));
  }
}
