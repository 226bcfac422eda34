/** @file Learners in Node: with the backbone that comes along, paths as images, and a folder to be saved in. */
import { ImageLearner, type LearnerChoice } from "../../learner/index.ts";
import { type LearnerParts, newParts, type PartsPlatform, partsOf } from "../../learner/parts.ts";
import type { Registry } from "../../run/registry.ts";
import type { Device } from "../../runtime/runtime.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { adapterBase, adapterFrom } from "../backbones/adapter.ts";
import { type FindOptions, findBackbone, SHIPPED_BACKBONES } from "../backbones/backbones.ts";
import { LARGEST_IMAGE, readWhole } from "../files/read.ts";
import type { DownloadProgress, HubSettings } from "../hub/index.ts";
import { defaultWorkers, type ImagePool, imagePool } from "../images/pool.ts";
import { MODEL_REGISTRY } from "../runs/model-registry.ts";
import { requirePrecision } from "../runtime/devices.ts";
import { workingRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { ModelFolder, readModel } from "./model-folder.ts";

/** Where a learner in Node computes. */
export interface NodeLearnerOptions {
  /** Threads of the runtime; default: all cores, at most 8. */
  readonly threads?: number | undefined;
  /** What computes; default: cpu. Others differ by rounding, and can't learn or answer in 8 bits. */
  readonly device?: Device | undefined;
  /** Threads that decode images; default: one for every 4 cores. */
  readonly workers?: number | undefined;
  /** Where methods and heads are looked up; default: what comes along. */
  readonly registry?: Registry | undefined;
  /** Hears of the backbone's download from the Hub, if there is one. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Called before the Hub is asked for a backbone, with both. */
  readonly onRequest?: ((backbone: string, endpoint: string) => void) | undefined;
  /** How the Hub is reached, if at all; default: what the environment says. */
  readonly hub?: HubSettings | undefined;
}

/** What a new learner is to be. */
export interface CreateLearnerOptions extends LearnerChoice, NodeLearnerOptions {
  /**
   * A name, a folder, or organization/name on the Hugging Face Hub; default: the one that the adapter names, or that
   * comes along.
   */
  readonly backbone?: string | undefined;
  /**
   * Folder of a PEFT LoRA adapter to go on from. It becomes part of the model: whoever opens that needs the backbone
   * alone. A classifier in it is left out, as it is for other classes.
   */
  readonly adapter?: string | undefined;
  /** Input side in pixels, if not the backbone's own. */
  readonly imageSize?: number | undefined;
  /** Folder that it is going to be saved in: locked from now on, so that a later `save` has a place. */
  readonly folder?: string | undefined;
}

/** How a learner is opened. */
export interface OpenLearnerOptions extends NodeLearnerOptions {
  /** Folder or name of the backbone, if it isn't where it was. */
  readonly backbone?: string | undefined;
  /** Whether it only answers, so that others may learn and answer at the same time; it can't be saved there. */
  readonly readOnly?: boolean | undefined;
}

/** A learner that can be saved in a folder. */
export class NodeLearner extends ImageLearner {
  readonly #pool: ImagePool;
  /** Locked while this learner is open. */
  #folder: ModelFolder | undefined;

  constructor(parts: LearnerParts, pool: ImagePool, folder: ModelFolder | undefined) {
    super(parts);
    this.#pool = pool;
    this.#folder = folder;
  }

  /**
   * Writes the model into a folder, whole or not at all, and keeps the folder locked from then on.
   * @param path default: where it was opened or saved before
   * @throws InputError if another model is there, another learner is at work there, or it can't be written
   */
  async save(path: string | undefined = this.#folder?.path): Promise<void> {
    if (path === undefined) throw new InputError("the learner is in no folder yet; name one to save it in");
    if (path === this.#folder?.path) {
      await this.#folder.write(this);
      return;
    }
    const folder = await ModelFolder.forNew(path);
    try {
      await folder.write(this);
    } catch (error) {
      folder.close();
      throw error;
    }
    this.#folder?.close();
    this.#folder = folder;
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#pool.close();
    this.#folder?.close();
    this.#folder = undefined;
  }
}

/** A learner that knows nothing yet. @throws InputError for a name or a value that can't be, or a folder in use */
export async function createLearner(options: CreateLearnerOptions = {}): Promise<NodeLearner> {
  const { adapter, imageSize, precision, device } = options;
  requirePrecision(device, precision);
  const name = options.backbone ?? (adapter === undefined ? SHIPPED_BACKBONES[0] : adapterBase(adapter));
  const finding = findOptions(name, { imageSize, precision }, options);
  const backbone = await (adapter === undefined
    ? findBackbone(name, finding)
    : adapterFrom(adapter, { backbone: name, ...finding }));
  const folder = options.folder === undefined ? undefined : await ModelFolder.forNew(options.folder);
  try {
    return await started(options, (platform) => newParts({ ...platform, backbone }, options), folder);
  } catch (error) {
    folder?.close();
    throw error;
  }
}

/**
 * The learner whose model is in a folder: a learner's, or a run's. Nobody else can learn there until it is disposed.
 * @throws InputError if there is none, it doesn't fit its backbone, or another learner is at work there
 */
export async function openLearner(path: string, options: OpenLearnerOptions = {}): Promise<NodeLearner> {
  const { description } = readModel(path); // before a folder is made for the lock
  const folder = options.readOnly === true ? undefined : await ModelFolder.open(path);
  try {
    const { backbone: name, imageSize, precision } = description;
    requirePrecision(options.device, precision);
    const from = options.backbone ?? name;
    const found = findBackbone(from, findOptions(from, { imageSize, precision }, options));
    const backbone = await found.catch((error: unknown) => {
      if (!(error instanceof InputError) || options.backbone !== undefined) throw error;
      throw new InputError(
        `${path}: its backbone is gone: ${error.message}; say with ${optionText("backbone")} where it is now`,
        { cause: error },
      );
    });
    const { file, model, previous } = readModel(path); // what is there now that nobody else writes
    return await started(
      options,
      (platform) => partsOf({ ...platform, backbone }, model, { file, previous }),
      folder,
    );
  } catch (error) {
    folder?.close();
    throw error;
  }
}

function findOptions(
  name: string,
  {
    imageSize,
    precision,
  }: { readonly imageSize: number | undefined; readonly precision: string | undefined },
  { onDownload, onRequest, hub }: NodeLearnerOptions,
): FindOptions {
  return {
    imageSize,
    stored: precision === "int8",
    onProgress: onDownload,
    onRequest: (endpoint) => onRequest?.(name, endpoint),
    settings: hub,
  };
}

async function started(
  {
    threads = defaultThreads(),
    device,
    workers = defaultWorkers(),
    registry = MODEL_REGISTRY,
  }: NodeLearnerOptions,
  make: (platform: Omit<PartsPlatform, "backbone">) => Promise<LearnerParts>,
  folder?: ModelFolder,
): Promise<NodeLearner> {
  const pool = imagePool(workers);
  try {
    const parts = await make({
      runtime: await workingRuntime({ threads, device }),
      transform: pool.transform,
      readPath,
      registry,
    });
    return new NodeLearner(parts, pool, folder);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

async function readPath(path: string): Promise<Uint8Array> {
  try {
    return await readWhole(path, LARGEST_IMAGE);
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${path}: ${code === "ENOENT" ? "no such file" : message}`, { cause: error });
  }
}
