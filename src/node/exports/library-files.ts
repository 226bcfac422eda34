/** @file A model for transformers, timm and PEFT. */
import { type CheckpointSource, mergedCheckpoint } from "../../export/checkpoint.ts";
import { jsonText, realFields } from "../../export/json.ts";
import { labelMaps } from "../../export/label-files.ts";
import { classifierPlace } from "../../export/library-names.ts";
import { placedClassifier } from "../../export/linear-layer.ts";
import { peftAdapter } from "../../export/peft.ts";
import { checkpointReadme, peftReadme } from "../../export/readme.ts";
import type { HeadClassifier } from "../../heads/head.ts";
import { encodeSafetensors } from "../../tensor/safetensors.ts";
import { readCheckpoint } from "../backbones/backbone.ts";
import { backboneFolder } from "../backbones/backbones.ts";
import type { OpenedModel } from "../runs/model.ts";
import { type ExportOptions, factsOf, precisionNotes, type Work, type Written } from "./work.ts";

/** Of adapter_config.json. */
const REAL: ReadonlySet<string> = new Set(["lora_dropout"]);

/** peft and safetensors. */
export async function libraryFiles(work: Work, half: boolean): Promise<Written> {
  const { opened, served, classifier, labels, options } = work;
  const source = await checkpointSource(opened, options);
  const notes = [...droppedNotes(work), ...precisionNotes(work), ...sizeNotes(source, options)];
  const facts = factsOf(work, notes);
  const { peft, apart } = { peft: options.to === "peft", apart: classifierPlace(source) === undefined };
  const head = apart
    ? { "classifier.safetensors": encodeSafetensors(apartClassifier(classifier), { format: "pt" }, { half }) }
    : {};
  const names = apart || peft ? { "labels.json": jsonText(labelMaps(labels)) } : {};
  if (peft) {
    const { config, tensors } = peftAdapter(served, classifier, source, opened.backbone.name);
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

async function checkpointSource(
  { backbone }: OpenedModel,
  { backbone: moved, hub }: ExportOptions,
): Promise<CheckpointSource> {
  const folder = await backboneFolder(moved ?? backbone.name, { settings: hub });
  const { text, checkpoint } = readCheckpoint(folder, backbone.config.imageSize);
  return { ...checkpoint, json: JSON.parse(text) as Record<string, unknown>, real: realFields(text) };
}

/** An adapter leaves positions alone. */
function sizeNotes({ json, config }: CheckpointSource, { to }: ExportOptions): string[] {
  const stored = json.image_size;
  if (to !== "peft" || typeof stored !== "number" || stored === config.imageSize) return [];
  return [
    `the model takes images of ${config.imageSize} pixels, its backbone of ${stored}: resize to ${config.imageSize}, and call it with interpolate_pos_encoding=True (DINOv2 does that by itself)`,
  ];
}

const droppedNotes = ({ served, opened }: Work): string[] =>
  served.staying.map(
    ({ name }) =>
      `${name} are left out: the features are those of the network without them, while the head ${opened.head} was fitted to features with them; expect other probabilities, and evaluate before use`,
  );
