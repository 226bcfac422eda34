/** @file `fmlora features` */
import { resolve } from "node:path";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import * as z from "zod";
import { imageSide } from "../nn/bounds.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { findBackbone } from "../node/backbones/backbones.ts";
import { NpyWriter } from "../node/files/npy.ts";
import { checkTarget } from "../node/files/target.ts";
import { writeWhole } from "../node/files/write.ts";
import { hubSettings, offline } from "../node/hub/index.ts";
import { featureExtractor } from "../node/runs/model.ts";
import { duration, rate } from "../report/format.ts";
import { InputError } from "../tensor/errors.ts";
import { downloadListener } from "./downloads.ts";
import { fileBatches, imagesIn } from "./images.ts";
import { type StatusLine, statusLine } from "./progress.ts";
import { settingsOf } from "./settings.ts";
import { stoppable } from "./stoppable.ts";

const [imageSize] = settingsOf(z.object({ imageSize: imageSide }));

interface FeatureArguments {
  readonly backbone: string;
  readonly imageSize?: number | undefined;
  readonly out: string;
  readonly names?: string | undefined;
  readonly offline?: true | undefined;
  readonly unreadable: "fail" | "skip";
}

/** Writes the CLS features of image files, a row each, as a NumPy array. */
export function featuresCommand() {
  return new Command("features")
    .addArgument(
      new Argument("<files...>", "JPEG, PNG, WebP or GIF images, or folders: all images in them, by name"),
    )
    .addOption(
      new Option(
        "--backbone <name>",
        "name of a shipped backbone, a folder, or organization/name on the Hugging Face Hub",
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option("--image-size <n>", "input side in pixels, if not the backbone's own").argParser(
        (text) => imageSize!.read(text) as number,
      ),
    )
    .addOption(
      new Option("--out <file>", "NumPy file to write, float32 [files, width]").makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "--offline",
        "ask no other machine: a backbone of the Hugging Face Hub has to be in its cache",
      ),
    )
    .addOption(new Option("--names <file>", "text file to write: the image of each row, one a line"))
    .addOption(
      new Option(
        "--unreadable <choice>",
        "what to do with an image that cannot be decoded; skip: no row for it",
      )
        .choices(["fail", "skip"] as const)
        .default("fail" as const),
    )
    .action(writeFeatures);
}

async function writeFeatures(
  filesOrFolders: readonly string[],
  { backbone: name, imageSize, unreadable, offline: alone, ...targets }: FeatureArguments,
): Promise<void> {
  await checkTargets(targets);
  const { files, notices } = await imagesIn(filesOrFolders);
  const status = statusLine();
  try {
    const settings = alone === true ? offline(hubSettings()) : undefined;
    const backbone = await findBackbone(name, { imageSize, settings, onProgress: downloadListener(status) });
    for (const notice of [...(backbone.notices ?? []), ...notices]) status.line(`note: ${notice}`);
    const work = (signal: AbortSignal) =>
      extract({ files, backbone, unreadable, status, signal, ...targets });
    await stoppable(status, work, "stopped; nothing was written");
  } finally {
    status.stop();
  }
}

type Targets = Pick<FeatureArguments, "out" | "names">;

/** Before any work. @throws InputError if one of the files can't be written */
async function checkTargets({ out, names }: Targets): Promise<void> {
  await checkTarget("--out", out);
  if (names === undefined) return;
  await checkTarget("--names", names);
  if (resolve(names) === resolve(out)) throw new InputError(`--names ${names}: is the file of --out, too`);
}

interface Extraction extends Targets {
  readonly files: readonly string[];
  readonly backbone: Backbone;
  readonly unreadable: "fail" | "skip";
  readonly status: StatusLine;
  readonly signal: AbortSignal;
}

/** Rows of features. @throws InputError naming the first file whose features are no numbers */
function checked(features: Float32Array, files: readonly string[]): Float32Array {
  const at = features.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return features;
  const file = files[Math.floor((at * files.length) / features.length)];
  throw new InputError(
    `${file}: its features are no numbers (${features[at]}); the backbone's weights or pixel statistics are wrong: get it again`,
  );
}

/** Block by block: what is held does not grow with the number of files. */
async function extract({
  files,
  backbone,
  unreadable,
  status,
  signal,
  out,
  names,
}: Extraction): Promise<void> {
  const extractor = featureExtractor(backbone);
  const width = backbone.config.hiddenSize;
  const rows: string[] = [];
  let writer: NpyWriter | undefined;
  try {
    writer = await NpyWriter.open(out, width, files.length);
    const start = performance.now();
    let done = 0;
    for await (const part of fileBatches(files, backbone.preprocessing)) {
      signal.throwIfAborted();
      // A row that is missing would shift all rows after it.
      if (part.unreadable.length > 0 && unreadable === "fail") {
        throw new InputError(`${part.unreadable.join("; ")}; --unreadable skip leaves such files out`);
      }
      for (const line of part.unreadable) status.line(`skipped ${line}`);
      if (part.batch.count > 0)
        await writer.append(checked(await extractor.features(part.batch), part.files));
      rows.push(...part.files);
      done += part.files.length + part.unreadable.length;
      const perSecond = done / ((performance.now() - start) / 1000);
      const left = duration((files.length - done) / perSecond);
      status.update(
        `${done} of ${files.length} images, ${rate(perSecond)} images/s, ${left} left`,
        done / files.length,
      );
    }
    signal.throwIfAborted();
    if (names !== undefined) await writeWhole(names, rows.map((row) => `${row}\n`).join(""));
    const count = await writer.finish();
    status.line(`${out}: ${count} x ${width} float32`);
  } finally {
    await writer?.discard();
    await extractor.dispose();
  }
}
