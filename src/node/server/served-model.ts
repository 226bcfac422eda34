/** @file A model as its process has it: open for answers, and opened anew when its file has changed. */
import type { LearnerInfo, LearnResult, Prediction } from "../../learner/index.ts";
import type { Listening } from "../../learner/session.ts";
import { type Registry, withPlugins } from "../../run/registry.ts";
import { InputError } from "../../tensor/errors.ts";
import { type Exported, exportModel } from "../exports/export.ts";
import { hubSettings, offline } from "../hub/index.ts";
import { sharpTransform } from "../images/transform.ts";
import { createLearner, type NodeLearner, openLearner } from "../learner/learner.ts";
import { type Model, modelFileIn, openModel } from "../runs/model.ts";
import { loadPlugins } from "../runs/plugins.ts";
import { REGISTRY } from "../runs/registry.ts";
import type { Answers, Calls, ExportCall, LearnCall, Outcome, ProcessSettings } from "./calls.ts";
import { fileStamp } from "./file-stamp.ts";

type Handlers = {
  readonly [Name in keyof Calls]: (
    given: Calls[Name]["given"],
    listening: Listening,
  ) => Promise<Calls[Name]["back"]>;
};

/** A model and the file that it was read from. */
interface Opened {
  readonly model: Model;
  /** Tells a file from the one that replaces it. */
  readonly stamp: string;
}

/** One model. Calls may come at the same time. */
export class ServedModel implements Handlers {
  readonly #settings: ProcessSettings;
  #registry: Promise<Registry> | undefined;
  #opened: Opened | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(settings: ProcessSettings) {
    this.#settings = settings;
  }

  /** Decodes the images of a call while those of the one before are computed. */
  async predict(images: readonly Uint8Array[]): Promise<Answers> {
    const { preprocessing } = (await this.#inTurn(() => this.#current())).model;
    const decoded = await Promise.all(
      images.map(async (bytes) => {
        try {
          return await sharpTransform({ kind: "encoded", bytes }, preprocessing, null);
        } catch (error) {
          if (error instanceof InputError) return { error: error.message };
          throw error;
        }
      }),
    );
    return this.#inTurn(async () => {
      const { model } = await this.#current();
      const good = decoded.filter((each) => each instanceof Uint8Array);
      const answers = await classified(model, good);
      let next = 0;
      const outcomes = decoded.map((each): Outcome => (each instanceof Uint8Array ? answers[next++]! : each));
      return { outcomes, learns: model.learns };
    });
  }

  info(): Promise<LearnerInfo> {
    return this.#learning({ readOnly: true }, (learner) => learner.info());
  }

  learn({ classes, ...how }: LearnCall, listening: Listening): Promise<LearnResult> {
    const { domain, ...options } = how;
    return this.#learning({}, async (learner) => {
      const request = { classes: Object.fromEntries(classes), domain };
      const result = await learner.learn(request, { ...options, ...listening });
      if (result.images > 0) await learner.save(this.#settings.folder);
      return result;
    });
  }

  undo(): Promise<readonly string[]> {
    return this.#changing((learner) => learner.undo());
  }

  rename({ name, to }: Calls["rename"]["given"]): Promise<readonly string[]> {
    return this.#changing((learner) => learner.renameClass(name, to));
  }

  remove({ name }: Calls["remove"]["given"]): Promise<readonly string[]> {
    return this.#changing((learner) => learner.removeClass(name));
  }

  async export(call: ExportCall): Promise<Exported> {
    return exportModel(this.#settings.folder, { ...call, ...(await this.#finding()) });
  }

  /** Changes the model and says which classes it knows then. */
  #changing(change: (learner: NodeLearner) => Promise<void>): Promise<readonly string[]> {
    return this.#learning({}, async (learner) => {
      await change(learner);
      await learner.save();
      return learner.classes;
    });
  }

  async #learning<Result>(
    how: { readonly readOnly?: true },
    work: (learner: NodeLearner) => Promise<Result>,
  ): Promise<Result> {
    const { folder, threads, backbone, method } = this.#settings;
    const options = { threads, ...(await this.#finding()) };
    const learner = await (modelFileIn(folder) === undefined
      ? createLearner({ ...options, backbone, method, folder })
      : openLearner(folder, { ...options, ...how }));
    try {
      return await work(learner);
    } finally {
      await learner.dispose();
    }
  }

  /** The model as it lies in its folder now. */
  async #current(): Promise<Opened> {
    const { folder, threads } = this.#settings;
    const stamp = stampOf(folder);
    if (this.#opened?.stamp === stamp) return this.#opened;
    const model = await openModel(folder, { threads, ...(await this.#finding()) });
    await this.#opened?.model.dispose();
    this.#opened = { model, stamp };
    return this.#opened;
  }

  async #finding() {
    this.#registry ??= loadPlugins(this.#settings.plugins).then((plugins) => withPlugins(REGISTRY, plugins));
    return {
      registry: await this.#registry,
      hub: this.#settings.offline ? offline(hubSettings()) : undefined,
    };
  }

  /** One after the other: a model that is replaced may be in use. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}

function stampOf(folder: string): string {
  const file = modelFileIn(folder);
  if (file === undefined) throw new InputError(`there is no model yet; let it learn some images first`);
  return fileStamp(file);
}

async function classified(model: Model, images: readonly Uint8Array[]): Promise<readonly Prediction[]> {
  if (images.length === 0) return [];
  const size = images[0]!.length;
  const pixels = new Uint8Array(images.length * size);
  for (const [i, image] of images.entries()) pixels.set(image, i * size);
  return model.classify({ images: pixels, count: images.length });
}
