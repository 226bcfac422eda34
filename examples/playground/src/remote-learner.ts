/** @file A model of the server as the page's learner. */
import type { LearnerInfo, LearnerProgress, LearnResult, Prediction } from "fm-lora";
import type { Asked, Form, PageLearner, Parcel } from "./home.ts";
import { blobOf } from "./pictures.ts";
import { type Api, eventsOf, ServerError } from "./server-api.ts";

/** Of one request. */
const MOST_PICTURES = 64;
/** More classes than any model has: an answer has all of them. */
const ALL = 1_000_000;
/** Nothing is that strange. */
const NEVER_UNKNOWN = encodeURIComponent(Number.MAX_VALUE);

interface Details extends Omit<LearnerInfo, "classes" | "tasksBefore"> {
  readonly images: LearnerInfo["classes"];
}

interface Job {
  readonly id: string;
  readonly status: "waiting" | "running" | "done" | "failed" | "cancelled";
  readonly progress: LearnerProgress | null;
  readonly result: LearnResult | null;
  readonly error: string | null;
}

type Answer = Prediction & { readonly error: string | null };

/** What is known of a model that is not there yet. */
const NOTHING: LearnerInfo = {
  method: "",
  heads: [],
  backbone: "",
  adapterLayers: 0,
  classes: {},
  tasksBefore: 0,
  tasks: [],
  similarity: [],
  stateBytes: 0,
  backboneParameters: 0,
  canUndo: false,
};

/** The model of that name, which is made when it learns first. */
export class RemoteLearner implements PageLearner {
  readonly #api: Api;
  readonly #name: string;
  readonly #path: string;

  constructor(api: Api, name: string) {
    this.#api = api;
    this.#name = name;
    this.#path = `models/${encodeURIComponent(name)}`;
  }

  async info(): Promise<LearnerInfo> {
    try {
      const { images, ...details } = await this.#api.json<Details>(this.#path);
      return { ...details, classes: images, tasksBefore: 0 };
    } catch (error) {
      if (error instanceof ServerError && error.status === 404) return NOTHING;
      throw error;
    }
  }

  predict(pictures: readonly Asked[]): Promise<readonly Prediction[]> {
    return this.#answers(pictures, "");
  }

  async evaluate(classes: Readonly<Record<string, readonly Blob[]>>) {
    const found: Record<string, { images: number; accuracy: number }> = {};
    for (const [name, pictures] of Object.entries(classes)) {
      const answers = await this.#answers(pictures, `&unknownThreshold=${NEVER_UNKNOWN}`);
      const right = answers.filter(({ label }) => label === name).length;
      found[name] = { images: pictures.length, accuracy: right / pictures.length };
    }
    return { classes: found };
  }

  async learn(
    { classes }: Parameters<PageLearner["learn"]>[0],
    { train = "auto", signal, onProgress }: Parameters<PageLearner["learn"]>[1],
  ): Promise<LearnResult> {
    const form = new FormData();
    for (const [name, pictures] of Object.entries(classes)) {
      for (const picture of pictures) form.append(name, picture, "picture.png");
    }
    const { id } = await this.#api.json<Job>(`${this.#path}/learn?train=${train}`, {
      method: "POST",
      body: form,
    });
    const cancel = (): void => void this.#api.request(`jobs/${id}`, { method: "DELETE" }).catch(() => {});
    signal?.addEventListener("abort", cancel);
    if (signal?.aborted === true) cancel();
    try {
      const events = await this.#api.request(`jobs/${id}/events`);
      for await (const { status, progress, result, error } of eventsOf<Job>(events.body!)) {
        if (status === "done") return result!;
        if (status === "failed") throw new Error(error ?? "the server failed at it");
        if (status === "cancelled") throw signal?.reason ?? new Error("the server has stopped it");
        if (progress !== null) onProgress?.(progress);
      }
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    throw new Error("the server stopped telling; reload the page to see what became of it");
  }

  async renameClass(name: string, to: string): Promise<void> {
    await this.#api.request(`${this.#path}/classes/${encodeURIComponent(name)}`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: to }),
    });
  }

  async removeClass(name: string): Promise<void> {
    await this.#api.request(`${this.#path}/classes/${encodeURIComponent(name)}`, { method: "DELETE" });
  }

  async undo(): Promise<void> {
    await this.#api.request(`${this.#path}/undo`, { method: "POST" });
  }

  /** The server has done so. */
  async save(): Promise<void> {}

  async take(form: Form, dropPrompts: boolean): Promise<Parcel> {
    const response = await this.#api.request(`${this.#path}/export?to=${form}&dropPrompts=${dropPrompts}`);
    return { name: `${this.#name}-${form}.tar`, blob: await response.blob() };
  }

  async dispose(): Promise<void> {}

  async #answers(pictures: readonly Asked[], query: string): Promise<Prediction[]> {
    const all: Answer[] = [];
    for (let at = 0; at < pictures.length; at += MOST_PICTURES) {
      const form = new FormData();
      for (const picture of pictures.slice(at, at + MOST_PICTURES)) {
        form.append("images", picture instanceof Blob ? picture : await blobOf(picture), "picture.png");
      }
      const { predictions } = await this.#api.json<{ readonly predictions: Answer[] }>(
        `${this.#path}/predict?top=${ALL}${query}`,
        { method: "POST", body: form },
      );
      all.push(...predictions);
    }
    const failed = all.find(({ error }) => error !== null);
    if (failed !== undefined) throw new Error(failed.error!);
    return all;
  }
}
