/** @file What takes long: one job at a time for a model, some at a time for all, each with its events. */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { LearnerProgress, LearnResult } from "../../learner/index.ts";
import type { CallOptions } from "./model-process.ts";
import { NotFoundError } from "./models.ts";

/** Ended jobs that can still be asked about. */
const REMEMBERED = 200;

/** Where a job stands. */
export type JobStatus = "waiting" | "running" | "done" | "failed" | "cancelled";

/** A job, as everybody may see it. */
export interface JobView {
  readonly id: string;
  readonly model: string;
  readonly status: JobStatus;
  readonly progress: LearnerProgress | null;
  readonly result: (LearnResult & { readonly seconds: number }) | null;
  /** Why it failed: one line. */
  readonly error: string | null;
}

/** A job is at work for this model. */
export class BusyError extends Error {
  override readonly name = "BusyError";
}

/** One job. Emits "change" with its view. */
export class Job extends EventEmitter<{ change: [JobView] }> {
  readonly #controller = new AbortController();
  #view: JobView;

  constructor(model: string) {
    super();
    this.setMaxListeners(0); // anybody may listen
    this.#view = { id: randomUUID(), model, status: "waiting", progress: null, result: null, error: null };
  }

  get view(): JobView {
    return this.#view;
  }

  get ended(): boolean {
    return ["done", "failed", "cancelled"].includes(this.#view.status);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends it as soon as nothing is lost by that; the model stays as it was. */
  cancel(): void {
    this.#controller.abort();
    if (this.#view.status === "waiting") this.change({ status: "cancelled" });
  }

  change(change: Partial<JobView>): void {
    if (this.ended) return;
    this.#view = { ...this.#view, ...change };
    this.emit("change", this.#view);
  }
}

/** The jobs of a server. */
export class Jobs {
  readonly #atATime: number;
  readonly #onEnd: (job: JobView) => void;
  readonly #jobs = new Map<string, Job>();
  readonly #queue: { readonly job: Job; readonly start: () => Promise<void> }[] = [];
  /** Models that something is changing right now. */
  readonly #busy = new Set<string>();
  #running = 0;

  constructor(atATime: number, onEnd: (job: JobView) => void) {
    this.#atATime = atATime;
    this.#onEnd = onEnd;
  }

  /** @throws NotFoundError */
  get(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new NotFoundError(`there is no job "${id}"; old ones are forgotten`);
    return job;
  }

  /** Those that have not ended. */
  get open(): readonly Job[] {
    return [...this.#jobs.values()].filter((job) => !job.ended);
  }

  /** @throws BusyError if one is waiting or at work for that model */
  add(model: string, work: (options: Required<CallOptions>) => Promise<LearnResult>): Job {
    this.#take(model);
    const job = new Job(model);
    this.#jobs.set(job.view.id, job);
    this.#queue.push({ job, start: () => this.#run(job, work) });
    job.on("change", () => {
      if (job.ended) this.#ended(job);
    });
    this.#next();
    return job;
  }

  /** Does something short with a model that nobody else is changing meanwhile. @throws BusyError if somebody is */
  async alone<Result>(model: string, work: () => Promise<Result>): Promise<Result> {
    this.#take(model);
    try {
      return await work();
    } finally {
      this.#busy.delete(model);
    }
  }

  #take(model: string): void {
    if (this.#busy.has(model)) {
      const job = this.open.find(({ view }) => view.model === model);
      const who = job === undefined ? "another change" : `job ${job.view.id}`;
      throw new BusyError(
        `model "${model}": ${who} is at work; wait for its end${job ? ", or cancel it" : ""}`,
      );
    }
    this.#busy.add(model);
  }

  #next(): void {
    while (this.#running < this.#atATime) {
      const first = this.#queue.shift();
      if (first === undefined) return;
      this.#running++;
      void first.start().finally(() => {
        this.#running--;
        this.#next();
      });
    }
  }

  async #run(job: Job, work: (options: Required<CallOptions>) => Promise<LearnResult>): Promise<void> {
    const start = performance.now();
    try {
      job.change({ status: "running" });
      const onProgress = (progress: LearnerProgress): void => job.change({ progress });
      const result = await work({ signal: job.signal, onProgress });
      job.change({ status: "done", result: { ...result, seconds: (performance.now() - start) / 1000 } });
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      job.change(job.signal.aborted ? { status: "cancelled" } : { status: "failed", error: text });
    }
  }

  #ended(job: Job): void {
    const place = this.#queue.findIndex((waiting) => waiting.job === job);
    if (place >= 0) this.#queue.splice(place, 1);
    this.#busy.delete(job.view.model);
    this.#onEnd(job.view);
    this.#forget();
  }

  #forget(): void {
    const ended = [...this.#jobs.values()].filter((job) => job.ended);
    for (const { view } of ended.slice(0, Math.max(0, ended.length - REMEMBERED))) this.#jobs.delete(view.id);
  }
}
