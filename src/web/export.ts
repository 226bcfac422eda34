/** @file A model in other programs' formats, made in the worker. */
import { exportedFiles } from "../export/files.ts";
import type { ExportChoice } from "../export/work.ts";
import { type PartsPlatform, partsOf } from "../learner/parts.ts";
import { headName } from "../run/heads.ts";
import { InputError } from "../tensor/errors.ts";
import { type BackboneSource, fetchCheckpoint } from "./backbone.ts";
import { runOnnx } from "./runtime.ts";

/** Files by their path, to be put into one folder. */
export interface WebExport {
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

/** Where a learner computes, and where the files of its backbone are. */
export interface WebPlatform extends PartsPlatform {
  readonly source: string | BackboneSource;
}

/**
 * The files that `fmlora export` writes of a model's file.
 * @throws InputError for a head that doesn't fit the format, or prompts where there is no place for them
 */
export async function exportModelFile(
  model: Uint8Array,
  platform: WebPlatform,
  options: ExportChoice,
): Promise<WebExport> {
  const file = "the model";
  const { model: opened, method, basis, memory, context } = await partsOf(platform, model, { file });
  try {
    const { names } = opened.heads;
    const head = options.head === undefined ? names[0]! : headName(options.head);
    if (!names.includes(head)) {
      throw new InputError(`${file}: there is no head "${head}"; it has: ${names.join(", ")}`);
    }
    const { backbone } = context; // with the adapter that the model started from
    const subject = {
      ...{ model: opened, classNames: memory.classNames, method: method.name, head, file, backbone },
      precision: basis.precision,
    };
    const { files, notes } = await exportedFiles(subject, options, {
      source: () => fetchCheckpoint(platform.source, { imageSize: basis.imageSize }),
      runOnnx,
    });
    const encoder = new TextEncoder();
    const bytes = Object.entries(files).map(
      ([path, content]) => [path, typeof content === "string" ? encoder.encode(content) : content] as const,
    );
    return { files: Object.fromEntries(bytes), notes };
  } finally {
    await opened.dispose();
  }
}
