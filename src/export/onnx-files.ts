/** @file A model as ONNX files that transformers.js and any ONNX Runtime run. */
import { InputError, optionText } from "../tensor/errors.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { differenceOf, noiseImages, type OnnxDifference, onnxPixels, type RunOnnx } from "./check-onnx.ts";
import { jsonText } from "./json.ts";
import { labelMaps, preprocessorJson, rawPreprocessorJson } from "./label-files.ts";
import { type OnnxDtype, onnxClassifier } from "./onnx-classifier.ts";
import { onnxReadme } from "./readme.ts";
import { answerNotes, type ExportedFiles, factsOf, type Work } from "./work.ts";

/** Names that transformers.js looks for. */
const ONNX_FILES: Readonly<Record<OnnxDtype, string>> = {
  fp32: "onnx/model.onnx",
  fp16: "onnx/model_fp16.onnx",
  q8: "onnx/model_quantized.onnx",
};
/** Protocol buffers end at 2 GiB. */
const LARGEST_ONNX = 2 ** 31 - 2 ** 24;

/** One file a dtype, each tried once beside the model itself. */
export async function onnxFiles(
  work: Work,
  dtypes: readonly OnnxDtype[],
  run: RunOnnx,
): Promise<ExportedFiles> {
  const { opened, served, classifier, labels, options } = work;
  const { preprocessing } = opened.backbone;
  const resizing = options.resizing ?? "inside";
  const parameters = Object.values(served.weights).reduce((sum, { dims }) => sum + sizeOf(dims), 0);
  const models: Record<string, Uint8Array> = {};
  const notes = answerNotes(work);
  for (const dtype of dtypes) {
    const bytes = parameters * { fp32: 4, fp16: 2, q8: 1 }[dtype];
    if (bytes > LARGEST_ONNX) {
      throw new InputError(
        `${optionText("dtype", dtype)}: ${parameters} weights are more than one ONNX file holds (2 GiB); choose ${bytes / 4 < LARGEST_ONNX ? "q8" : "safetensors"}`,
      );
    }
    const model = onnxClassifier(served, classifier, preprocessing, { dtype, resizing });
    models[ONNX_FILES[dtype]] = model;
    notes.push(differenceNote(dtype, await compared(work, model, resizing, run)));
  }
  const { imageSize, patchSize } = opened.backbone.config;
  // transformers.js chooses its class by model_type; the graph's inputs and outputs are the same for all families.
  const config = {
    architectures: ["ViTForImageClassification"],
    model_type: "vit",
    image_size: imageSize,
    patch_size: patchSize,
    ...labelMaps(labels),
  };
  const preprocessor = resizing === "inside" ? rawPreprocessorJson() : preprocessorJson(preprocessing);
  const files = {
    "config.json": jsonText(config),
    "preprocessor_config.json": jsonText(preprocessor),
    ...models,
    "README.md": onnxReadme(factsOf(work, notes), Object.keys(models), resizing, imageSize),
  };
  return { files, notes };
}

/** The exported model's scores beside ours, on images that need no resizing. */
async function compared(
  { opened, classifier }: Work,
  model: Uint8Array,
  resizing: "inside" | "outside",
  run: RunOnnx,
): Promise<OnnxDifference> {
  const { head, classNames, backbone } = opened;
  const images = noiseImages(backbone.preprocessing);
  const all = (await opened.model.scores(images, classNames.length))[head]!;
  const ours = Float32Array.from({ length: images.count * classifier.classes.length }, (_, i) => {
    const row = Math.floor(i / classifier.classes.length);
    return all[row * classNames.length + classifier.classes[i % classifier.classes.length]!]!;
  });
  const { size } = backbone.preprocessing;
  const theirs = await run(model, onnxPixels(images, backbone.preprocessing, resizing), [
    images.count,
    3,
    size,
    size,
  ]);
  return differenceOf(ours, theirs, images.count);
}

const differenceNote = (dtype: OnnxDtype, { share, agreeing, images }: OnnxDifference): string =>
  `${dtype}: on ${images} images of noise, scores within ${share.toExponential(1)} of the largest of fm-lora's own; ${agreeing} of ${images} likeliest classes equal`;
