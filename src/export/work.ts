/** @file A model on its way into another format: what is exported, and whether the format has a place for it. */
import type { HeadClassifier } from "../heads/head.ts";
import { FEATURES } from "../network/features.ts";
import type { ServedNetwork } from "../network/served-network.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { ContinualModel } from "../train/model.ts";
import { labelsOf } from "./label-files.ts";
import type { OnnxDtype } from "./onnx-classifier.ts";
import type { ReadmeFacts } from "./readme.ts";

/** Formats by name. */
export const EXPORT_FORMATS = ["peft", "onnx", "safetensors"] as const;
/** One of `EXPORT_FORMATS`. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** What to export, and how. */
export interface ExportChoice {
  readonly to: ExportFormat;
  /** Which head classifies; default: the model's own choice. */
  readonly head?: string | undefined;
  /** For peft and safetensors: leave prompt tokens out, which changes every answer. */
  readonly dropPrompts?: boolean | undefined;
  /** Default: fp32, for onnx fp32 and q8, since browsers take that. peft and safetensors have one, and no q8. */
  readonly dtype?: readonly OnnxDtype[] | undefined;
  /** For onnx; default: inside. */
  readonly resizing?: "inside" | "outside" | undefined;
}

/** Contents by path within the folder. */
export type FolderFiles = Readonly<Record<string, string | Uint8Array>>;

/** A folder to write, and what a user should know of it, a sentence each. */
export interface ExportedFiles {
  readonly files: FolderFiles;
  readonly notes: readonly string[];
}

/** A model with what it was made of. */
export interface ExportedModel {
  readonly model: ContinualModel;
  /** Of the stream; not all need have been seen. */
  readonly classNames: readonly string[];
  /** Name of the method. */
  readonly method: string;
  readonly precision: "float32" | "int8";
  readonly backbone: Backbone;
  /** The head that was asked for, or the model's own choice. */
  readonly head: string;
  /** Where it lies, for messages. */
  readonly file: string;
}

/** A model that is being exported. */
export interface Work {
  readonly opened: ExportedModel;
  readonly served: ServedNetwork;
  readonly classifier: HeadClassifier;
  /** Of the classifier's rows. */
  readonly labels: readonly string[];
  readonly options: ExportChoice;
}

/** @throws InputError where the model has nothing to export, or not for this format */
export function workOn(given: ExportedModel, options: ExportChoice): Work {
  const opened = { ...given, head: exportedHead(given, options) };
  const { model, head, classNames, file, method } = opened;
  const served = model.learner.served?.();
  if (served === undefined) {
    throw new InputError(
      `${file}: method ${method} classifies in several forward passes, which no export can hold`,
    );
  }
  const classifier = model.heads.classifier(head);
  const linear = model.heads.names.filter((name) => model.heads.classifier(name)?.unitFeatures === false);
  const others = linear.length === 0 ? "" : `choose ${optionText("head")} ${linear.join(" or ")}`;
  if (classifier === undefined) {
    throw new InputError(
      `${file}: head ${head} has no form that other programs could compute${others && `; ${others}`}`,
    );
  }
  if (classifier.classes.length === 0) throw new InputError(`${file}: head ${head} has learned no class yet`);
  if (options.to !== "onnx" && classifier.unitFeatures) {
    const instead = [...(others === "" ? [] : [others]), "export to onnx"].join(", or ");
    throw new InputError(
      `${file}: head ${head} scales features to unit length, which a linear layer can't; ${instead}`,
    );
  }
  if (options.to !== "onnx") checkStaying(served, file, options);
  return { opened, served, classifier, labels: labelsOf(classifier, classNames), options };
}

/** The head that is asked for; else the model's own choice or, where no other program could compute that, its first that one could. */
function exportedHead({ model, head }: ExportedModel, options: ExportChoice): string {
  const has = (name: string): boolean => model.heads.classifier(name) !== undefined;
  if (options.head !== undefined || has(head)) return head;
  return model.heads.names.find(has) ?? head;
}

/** @throws InputError for parts that an ordinary network has no place for, unless they may be dropped */
function checkStaying({ staying }: ServedNetwork, file: string, { to, dropPrompts }: ExportChoice): void {
  const other = staying.find(({ prompts }) => !prompts);
  if (other !== undefined) {
    const advice = FEATURES.some((kind) => kind === other.name)
      ? `, or train with ${optionText("features", "cls")}`
      : "";
    throw new InputError(`${file}: ${other.name}: ${to} has no place for it; export to onnx${advice}`);
  }
  if (staying.length > 0 && dropPrompts !== true) {
    throw new InputError(
      `${file}: ${staying[0]!.name} have no place in ${to}; export to onnx, which keeps them, or leave them out with ${optionText("dropPrompts")}, which changes every answer`,
    );
  }
}

/** What models in 8 bits differ in, and models that answer by a head which stays behind. */
export function answerNotes({ opened }: Work): string[] {
  const { model, head, precision } = opened;
  const [own] = model.heads.names;
  const behind = own !== head && model.heads.classifier(own!) === undefined;
  return [
    ...(precision === "int8"
      ? ["fm-lora computes this model in 8 bits, the export in float32: answers differ by that rounding"]
      : []),
    ...(behind
      ? [
          `the head ${own}, by which fm-lora answers, has no form that other programs could compute: ${head} classifies`,
        ]
      : []),
  ];
}

/** For README.md. */
export const factsOf = ({ opened, labels }: Work, notes: readonly string[]): ReadmeFacts => ({
  method: opened.method,
  backbone: opened.backbone.name,
  head: opened.head,
  labels,
  notes,
});
