/** @file The models of a folder by name, and the processes that answer for them. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../tensor/errors.ts";
import { readModel } from "../learner/model-folder.ts";
import { modelFileIn } from "../runs/model.ts";
import { type Answered, Batcher } from "./batcher.ts";
import type { CallName, Calls, ProcessSettings } from "./calls.ts";
import { fileStamp } from "./file-stamp.ts";
import type { Measures } from "./measures.ts";
import { type CallOptions, ModelProcess } from "./model-process.ts";
import type { ServerSettings } from "./settings.ts";

/** Names of models are parts of addresses and names of folders. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** There is no such thing on this server. */
export class NotFoundError extends Error {
  override readonly name = "NotFoundError";
}

/** What a model's file says of it. */
export interface ModelSummary {
  readonly name: string;
  readonly method: string;
  readonly backbone: string;
  /** In the order in which they came. */
  readonly classes: readonly string[];
  /** How often it has learned here; null of a run's. */
  readonly learns: number | null;
}

interface Answering {
  readonly process: ModelProcess;
  readonly batcher: Batcher;
  used: number;
}

/** All models below a folder. */
export class Models {
  readonly #settings: ServerSettings;
  readonly #measures: Measures;
  readonly #answering = new Map<string, Answering>();
  readonly #summaries = new Map<string, { readonly stamp: string; readonly summary: ModelSummary }>();

  constructor(settings: ServerSettings, measures: Measures) {
    this.#settings = settings;
    this.#measures = measures;
    measures.waiting(() => {
      let sum = 0;
      for (const { batcher } of this.#answering.values()) sum += batcher.waiting;
      return sum;
    });
  }

  /** Names of the models that are there, sorted. */
  names(): string[] {
    const { folder } = this.#settings;
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.filter((name) => MODEL_NAME.test(name) && this.#has(name)).sort();
  }

  /** Folders with a model whose names no address can have. */
  unnamable(): string[] {
    const { folder } = this.#settings;
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.filter((name) => !MODEL_NAME.test(name) && this.#has(name)).sort();
  }

  /** @throws NotFoundError if there is no such model */
  check(name: string): void {
    if (MODEL_NAME.test(name) && this.#has(name)) return;
    throw new NotFoundError(
      `there is no model "${name}"; there are: ${this.names().join(", ") || "none yet"}`,
    );
  }

  /** @throws NotFoundError if there is no such model @throws InputError if its file is damaged */
  summary(name: string): ModelSummary {
    this.check(name);
    const file = modelFileIn(this.folder(name))!;
    const stamp = fileStamp(file);
    const known = this.#summaries.get(name);
    if (known?.stamp === stamp) return known.summary;
    const { method, backbone, classNames, learner } = readModel(this.folder(name)).description;
    const summary: ModelSummary = {
      name,
      method,
      backbone,
      classes: classNames.filter((_, at) => learner?.removed.includes(at) !== true),
      learns: learner?.learns ?? null,
    };
    this.#summaries.set(name, { stamp, summary });
    return summary;
  }

  /**
   * What images show.
   * @throws NotFoundError if there is no such model
   * @throws OverloadedError if too many images wait already
   */
  async answer(name: string, images: readonly Uint8Array[]): Promise<readonly Answered[]> {
    this.check(name);
    const answering = await this.#answeringFor(name);
    answering.used = performance.now();
    return answering.batcher.answer(images);
  }

  /** The process that answers for a model, for calls that change nothing. @throws NotFoundError if there is no such model */
  async reader(name: string): Promise<ModelProcess> {
    this.check(name);
    return (await this.#answeringFor(name)).process;
  }

  /** One call in a process of its own, for what takes long or changes a model. */
  async apart<Name extends CallName>(
    model: string,
    name: Name,
    given: Calls[Name]["given"],
    options?: CallOptions,
  ): Promise<Calls[Name]["back"]> {
    const process = new ModelProcess(this.#processSettings(model));
    try {
      return await process.call(name, given, options);
    } finally {
      await process.close();
    }
  }

  /** The place of a model of that name. @throws InputError for a name that can't be */
  folder(name: string): string {
    if (MODEL_NAME.test(name)) return join(this.#settings.folder, name);
    throw new InputError(
      `model ${JSON.stringify(name)}: expected 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit`,
    );
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    await Promise.all([...this.#answering.values()].map(({ process }) => process.close()));
    this.#answering.clear();
  }

  #has(name: string): boolean {
    return modelFileIn(join(this.#settings.folder, name)) !== undefined;
  }

  async #answeringFor(name: string): Promise<Answering> {
    const known = this.#answering.get(name);
    if (known?.process.alive === true) return known;
    await this.#makeRoom();
    const again = this.#answering.get(name); // another request may have been faster
    if (again?.process.alive === true) return again;
    const { batchWait: wait, batchSize: most, queue: room } = this.#settings;
    const process = new ModelProcess(this.#processSettings(name));
    const batcher = new Batcher({
      compute: (images) => process.call("predict", images),
      wait,
      most,
      room,
      onBatch: (images) => this.#measures.batch(images),
    });
    const made = { process, batcher, used: performance.now() };
    this.#answering.set(name, made);
    return made;
  }

  /** Closes the process that has been idle longest, if there are as many as there may be. */
  async #makeRoom(): Promise<void> {
    const idle = [...this.#answering]
      .filter(([, { batcher }]) => !batcher.busy)
      .sort(([, a], [, b]) => a.used - b.used);
    for (const [name, { process }] of idle) {
      if (this.#answering.size < this.#settings.openModels) return;
      this.#answering.delete(name);
      await process.close();
    }
  }

  #processSettings(name: string): ProcessSettings {
    const { threads, backbone, method, plugins, offline } = this.#settings;
    return { folder: this.folder(name), threads, backbone, method, plugins, offline };
  }
}
