/** @file A run's model in the formats of other programs: PEFT, transformers, ONNX. */
import { basename, dirname, resolve } from "node:path";
import { exportDtypes, exportedFiles } from "../../export/files.ts";
import type { ExportChoice, ExportFormat } from "../../export/work.ts";
import { type ModelOptions, readModel } from "../runs/model.ts";
import { checkFolder, writeFolder } from "./folder.ts";
import { runOnnx } from "./run-onnx.ts";
import { checkpointSource } from "./source.ts";

/** What to export, and how. */
export interface ExportOptions
  extends ExportChoice,
    Pick<ModelOptions, "backbone" | "registry" | "onDownload" | "onRequest" | "hub"> {
  /** The folder to make; default: beside the model, MODEL-FORMAT. */
  readonly out?: string | undefined;
}

/** What was written. */
export interface Exported {
  readonly folder: string;
  /** Paths in it. */
  readonly files: readonly string[];
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Writes a model in another program's format.
 * @param model a run's folder, or its model/ folder
 * @throws InputError for a head that isn't there or doesn't fit the format, prompts where there is no place for them, a
 *   backbone that is gone, a folder that is in use or can't be written; nothing is written then
 */
export async function exportModel(model: string, options: ExportOptions): Promise<Exported> {
  const folder = options.out ?? defaultFolder(model, options.to);
  exportDtypes(options); // whoever asks for what there is not hears it before anything is read
  await checkFolder(folder);
  const opened = await readModel(model, options);
  try {
    const { files, notes } = await exportedFiles(opened, options, {
      source: () => checkpointSource(opened.backbone, { settings: options.hub }),
      runOnnx,
    });
    await writeFolder(folder, files);
    return { folder, files: Object.keys(files), notes };
  } finally {
    await opened.model.dispose();
  }
}

/** "runs/photos" -> "runs/photos-onnx"; a run's model/ folder is named by the run. */
function defaultFolder(model: string, to: ExportFormat): string {
  const whole = resolve(model);
  return `${basename(whole) === "model" ? dirname(whole) : whole}-${to}`;
}
