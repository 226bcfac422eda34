/** @file A run's model in the formats of other programs: PEFT, transformers, ONNX. */
import { basename, dirname, resolve } from "node:path";
import { ONNX_DTYPES, type OnnxDtype } from "../../export/onnx-classifier.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { readModel } from "../runs/model.ts";
import { checkFolder, writeFolder } from "./folder.ts";
import { libraryFiles } from "./library-files.ts";
import { onnxFiles } from "./onnx-files.ts";
import { type Exported, type ExportFormat, type ExportOptions, workOn } from "./work.ts";

/**
 * Writes a model in another program's format.
 * @param model a run's folder, or its model/ folder
 * @throws InputError for a head that isn't there or doesn't fit the format, prompts where there is no place for them, a
 *   backbone that is gone, a folder that is in use or can't be written; nothing is written then
 */
export async function exportModel(model: string, options: ExportOptions): Promise<Exported> {
  const { to } = options;
  const folder = options.out ?? defaultFolder(model, to);
  const dtypes = dtypesOf(options);
  await checkFolder(folder);
  const opened = await readModel(model, options);
  try {
    const work = workOn(opened, options);
    const { files, notes } =
      to === "onnx" ? await onnxFiles(work, dtypes) : await libraryFiles(work, dtypes[0] === "fp16");
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

function dtypesOf({ to, dtype: dtypes }: ExportOptions): readonly OnnxDtype[] {
  if (dtypes === undefined || dtypes.length === 0) return to === "onnx" ? ["fp32", "q8"] : ["fp32"];
  if (to === "onnx") return ONNX_DTYPES.filter((each) => dtypes.includes(each));
  if (dtypes.length > 1 || dtypes[0] === "q8") {
    throw new InputError(`${optionText("dtype", dtypes)}: ${to} is written in fp32 or fp16`);
  }
  return dtypes;
}
