/** @file A model for transformers, timm and PEFT. */
import type { HeadClassifier } from "../heads/head.ts";
import { encodeSafetensors } from "../tensor/safetensors.ts";
import { type CheckpointSource, mergedCheckpoint } from "./checkpoint.ts";
import { jsonText } from "./json.ts";
import { labelMaps } from "./label-files.ts";
import { classifierPlace, isTimm } from "./library-names.ts";
import { placedClassifier } from "./linear-layer.ts";
import { peftAdapter } from "./peft.ts";
import { checkpointReadme, peftReadme } from "./readme.ts";
import { answerNotes, type ExportChoice, type ExportedFiles, factsOf, type Work } from "./work.ts";

/** Of adapter_config.json. */
const REAL: ReadonlySet<string> = new Set(["lora_dropout"]);

/** peft and safetensors. */
export function libraryFiles(work: Work, source: CheckpointSource, half: boolean): ExportedFiles {
  const { opened, served, classifier, labels, options } = work;
  const notes = [...droppedNotes(work), ...answerNotes(work), ...sizeNotes(source, options)];
  const facts = factsOf(work, notes);
  const { peft, apart } = { peft: options.to === "peft", apart: classifierPlace(source) === undefined };
  const head = apart
    ? { "classifier.safetensors": encodeSafetensors(apartClassifier(classifier), { format: "pt" }, { half }) }
    : {};
  const names = apart || peft ? { "labels.json": jsonText(labelMaps(labels)) } : {};
  if (peft) {
    const subject = `${opened.file}: method ${opened.method}`;
    const { config, tensors } = peftAdapter(served, classifier, source, opened.backbone.name, subject);
    return {
      files: {
        "adapter_config.json": jsonText(config, REAL),
        "adapter_model.safetensors": encodeSafetensors(tensors, { format: "pt" }, { half }),
        ...head,
        ...names,
        "README.md": peftReadme(facts, source),
      },
      notes,
    };
  }
  const { config, preprocessor, tensors } = mergedCheckpoint(
    source,
    served.weights,
    { classifier, labels },
    half ? "float16" : "float32",
  );
  return {
    files: {
      "config.json": jsonText(config, source.real),
      ...(preprocessor === undefined ? {} : { "preprocessor_config.json": jsonText(preprocessor) }),
      "model.safetensors": encodeSafetensors(tensors, { format: "pt" }, { half }),
      ...head,
      ...names,
      "README.md": checkpointReadme(facts, source),
    },
    notes,
  };
}

const apartClassifier = (classifier: HeadClassifier) => {
  const place = { className: "", layer: "classifier", prefix: "", input: "cls" } as const;
  const tensors = placedClassifier(classifier, place);
  return { weight: tensors["classifier.weight"]!, bias: tensors["classifier.bias"]! };
};

/** An adapter leaves positions alone: the backbone's have to be resized by whoever loads it. */
function sizeNotes(source: CheckpointSource, { to }: ExportChoice): string[] {
  const { json, config } = source;
  const { model_args: args } = json as { readonly model_args?: { readonly img_size?: number | number[] } };
  const stored = isTimm(source) ? [args?.img_size].flat()[0] : json.image_size;
  if (to !== "peft" || typeof stored !== "number" || stored === config.imageSize) return [];
  const how = isTimm(source)
    ? `give img_size=${config.imageSize} to timm.create_model`
    : "call the model with interpolate_pos_encoding=True (DINOv2 resizes its positions by itself)";
  return [`the model takes images of ${config.imageSize} pixels, its backbone of ${stored}: ${how}`];
}

const droppedNotes = ({ served, opened }: Work): string[] =>
  served.staying.map(
    ({ name }) =>
      `${name} are left out: the features are those of the network without them, while the head ${opened.head} was fitted to features with them; expect other probabilities, and evaluate before use`,
  );
