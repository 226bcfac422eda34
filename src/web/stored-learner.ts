/** @file Learners in a browser's worker: their backbone from a server, their model in the browser's file system. */

import type { ExportChoice } from "../export/work.ts";
import { ImageLearner } from "../learner/learner.ts";
import { decodeModel } from "../learner/model-file.ts";
import { type LearnerChoice, type LearnerParts, newParts, partsOf } from "../learner/parts.ts";
import { InputError } from "../tensor/errors.ts";
import { type BackboneSource, fetchBackbone } from "./backbone.ts";
import type { OnDownload } from "./cached-files.ts";
import type { WebExport, WebPlatform } from "./export.ts";
import { canvasTransform } from "./images.ts";
import { ModelPlace, readModel } from "./models.ts";
import { registryFor } from "./registry.ts";
import { type WebRuntimeOptions, webRuntime } from "./runtime.ts";

/** Where a learner computes, and with what. */
export interface WebPlatformOptions extends WebRuntimeOptions {
  /** Where the backbone is: a folder's URL, or a repository of the Hub. */
  readonly backbone: string | BackboneSource;
}

/** What a new learner is to be. */
export interface NewLearner
  extends WebPlatformOptions,
    Pick<LearnerChoice, "options" | "drift" | "headOptions" | "precision" | "seed"> {
  /** Default: fm-lora. */
  readonly method?: string | undefined;
  /** The first answers; default: the method's. */
  readonly heads?: readonly string[] | undefined;
  /** Input side in pixels, if not the backbone's own. */
  readonly imageSize?: number | undefined;
  /** Name that it is going to be stored under: locked from now on, so that a later `save` has a place. */
  readonly folder?: string | undefined;
}

/** How a stored or imported model is opened. */
export interface OpenedLearner extends WebPlatformOptions {
  /** Whether it only answers, so that others may learn and answer at the same time; it can't be stored there. */
  readonly readOnly?: boolean | undefined;
}

/** A learner that can be stored in the browser. */
export class StoredLearner extends ImageLearner {
  readonly #platform: WebPlatform;
  /** Locked while this learner is open. */
  #place: ModelPlace | undefined;

  constructor(parts: LearnerParts, platform: WebPlatform, place: ModelPlace | undefined) {
    super(parts);
    this.#platform = platform;
    this.#place = place;
  }

  /**
   * The model in another program's format.
   * @throws InputError if it has learned nothing, or the format has no place for what it is
   */
  async export(options: ExportChoice): Promise<WebExport> {
    const { model } = await this.files();
    const { exportModelFile } = await import("./export.ts"); // only whoever exports loads it
    return exportModelFile(model, this.#platform, options);
  }

  /**
   * Stores the model, whole or not at all, and keeps its name locked from then on.
   * @param name default: where it was opened or stored before
   * @throws InputError if another model has the name, another learner is at work there, or there is no room
   */
  async save(name: string | undefined = this.#place?.name): Promise<void> {
    if (name === undefined) throw new InputError("the learner has no name yet; give one to store it under");
    if (name === this.#place?.name) {
      await this.#place.write(this);
      return;
    }
    const place = await ModelPlace.forNew(name);
    try {
      await place.write(this);
    } catch (error) {
      place.close();
      throw error;
    }
    this.#place?.close();
    this.#place = place;
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    this.#place?.close();
    this.#place = undefined;
  }
}

/** A learner that knows nothing yet. @throws InputError for a name or a value that can't be, or a name in use */
export async function newLearner(options: NewLearner, onDownload: OnDownload): Promise<StoredLearner> {
  const { folder, imageSize } = options;
  const place = folder === undefined ? undefined : await ModelPlace.forNew(folder);
  return inPlace(place, async () => {
    const platform = await platformOf(options, options.method, { imageSize, onDownload });
    return [await newParts(platform, options), platform];
  });
}

/**
 * A learner that goes on from a model: a stored one by its name, or a file's bytes.
 * @throws InputError if there is none, it doesn't fit its backbone, or another learner is at work there
 */
export async function openedLearner(
  model: string | Uint8Array | Blob,
  options: OpenedLearner,
  onDownload: OnDownload,
): Promise<StoredLearner> {
  const isName = typeof model === "string";
  const place = isName && options.readOnly !== true ? await ModelPlace.open(model) : undefined;
  return inPlace(place, async () => {
    const stored = isName ? await readModel(model) : undefined;
    const file = isName ? model : "the model's file";
    const bytes = stored?.model ?? (model instanceof Blob ? await readBlob(model) : (model as Uint8Array));
    const { description } = stored ?? decodeModel(bytes, file);
    const { imageSize, method } = description;
    const platform = await platformOf(options, method, { imageSize, onDownload });
    return [await partsOf(platform, bytes, { file, previous: stored?.previous }), platform];
  });
}

async function platformOf(
  { backbone, ...runtime }: WebPlatformOptions,
  method: string | undefined,
  how: { readonly imageSize: number | undefined; readonly onDownload: OnDownload },
): Promise<WebPlatform> {
  return {
    source: backbone,
    backbone: await fetchBackbone(backbone, how),
    runtime: webRuntime(runtime),
    transform: canvasTransform,
    registry: await registryFor(method),
  };
}

async function inPlace(
  place: ModelPlace | undefined,
  make: () => Promise<readonly [LearnerParts, WebPlatform]>,
): Promise<StoredLearner> {
  try {
    return new StoredLearner(...(await make()), place);
  } catch (error) {
    place?.close();
    throw error;
  }
}

const readBlob = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer());
