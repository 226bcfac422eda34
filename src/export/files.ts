/** @file A model in the formats of other programs: PEFT, transformers, ONNX. */
import { InputError, optionText } from "../tensor/errors.ts";
import type { RunOnnx } from "./check-onnx.ts";
import type { CheckpointSource } from "./checkpoint.ts";
import { libraryFiles } from "./library-files.ts";
import { ONNX_DTYPES, type OnnxDtype } from "./onnx-classifier.ts";
import { onnxFiles } from "./onnx-files.ts";
import { type ExportChoice, type ExportedFiles, type ExportedModel, workOn } from "./work.ts";

/** What an export needs of where it is made. */
export interface ExportPlatform {
  /** The backbone's own files, for formats that look like them. */
  source(): Promise<CheckpointSource>;
  readonly runOnnx: RunOnnx;
}

/**
 * The files of a model in another program's format.
 * @throws InputError for a head that doesn't fit the format, prompts where there is no place for them, or a number type
 *   that the format hasn't
 */
export async function exportedFiles(
  opened: ExportedModel,
  options: ExportChoice,
  { source, runOnnx }: ExportPlatform,
): Promise<ExportedFiles> {
  const dtypes = exportDtypes(options);
  const work = workOn(opened, options);
  return options.to === "onnx"
    ? onnxFiles(work, dtypes, runOnnx)
    : libraryFiles(work, await source(), dtypes[0] === "fp16");
}

/** The number types to write, before any work. @throws InputError for one that the format hasn't */
export function exportDtypes({ to, dtype: dtypes }: ExportChoice): readonly OnnxDtype[] {
  if (dtypes === undefined || dtypes.length === 0) return to === "onnx" ? ["fp32", "q8"] : ["fp32"];
  if (to === "onnx") return ONNX_DTYPES.filter((each) => dtypes.includes(each));
  if (dtypes.length > 1 || dtypes[0] === "q8") {
    throw new InputError(`${optionText("dtype", dtypes)}: ${to} is written in fp32 or fp16`);
  }
  return dtypes;
}
