/** @file `fmlora export` */
import { Command, Option } from "@commander-js/extra-typings";
import { ONNX_DTYPES, type OnnxDtype } from "../export/onnx-classifier.ts";
import { EXPORT_FORMATS } from "../export/work.ts";
import { mergeAdapter } from "../node/exports/adapter.ts";
import { type Exported, exportModel } from "../node/exports/export.ts";
import { jsonLine, printable } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { asking, offlineOption } from "./learner-parts.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";

/** Writes the model of a run for other programs. */
export function exportCommand(registry: Registry) {
  return new Command("export")
    .addOption(new Option("--model <folder>", "folder of a run, or its model/ folder"))
    .addOption(new Option("--to <format>", "what for").choices(EXPORT_FORMATS).makeOptionMandatory())
    .addOption(new Option("--out <folder>", "folder to make (default: beside the model, MODEL-FORMAT)"))
    .addOption(new Option("--head <name>", "head that classifies (default: the model's own choice)"))
    .addOption(
      new Option(
        "--drop-prompts",
        "peft and safetensors: leave prompt tokens out, which changes every answer",
      ),
    )
    .addOption(
      new Option(
        "--dtype <list>",
        "numbers, of fp32, fp16, q8 (default: fp32; onnx: fp32,q8, as browsers take q8)",
      ).argParser(dtypesFrom),
    )
    .addOption(
      new Option("--resizing <where>", "onnx: where images get the network's size, in the graph or before it")
        .choices(["inside", "outside"] as const)
        .default("inside" as const),
    )
    .addOption(new Option("--backbone <name>", "folder or name of the model's backbone, if it has moved"))
    .addOption(
      new Option(
        "--adapter <folder>",
        "instead of a model: a PEFT LoRA adapter, merged into its backbone; --to safetensors makes a folder for --backbone of it",
      ).conflicts(["model", "head", "dropPrompts", "dtype"]),
    )
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(offlineOption())
    .addOption(new Option("--json", "print what was written as a line of JSON"))
    .action(async (options) => {
      const { model, adapter, to, out, head, dropPrompts, dtype, resizing, backbone } = options;
      const status = statusLine();
      const finding = asking(model ?? adapter ?? "", status, options.offline);
      try {
        if (adapter !== undefined) {
          if (to !== "safetensors" || out === undefined) {
            throw new InputError("--adapter: is merged with --to safetensors --out FOLDER");
          }
          const onRequest = (endpoint: string): void =>
            finding.onRequest(backbone ?? "what it names", endpoint);
          const { hub: settings, onDownload: onProgress } = finding;
          told(await mergeAdapter(adapter, { out, backbone, settings, onProgress, onRequest }), options.json);
          return;
        }
        if (model === undefined) throw new InputError("--model: expected the folder of a run");
        const more = { to, out, head, dropPrompts, dtype, resizing, backbone };
        told(await exportModel(model, { ...more, ...finding, registry }), options.json);
      } finally {
        status.stop();
      }
    });
}

function dtypesFrom(text: string): OnnxDtype[] {
  return text.split(",").map((word) => {
    const found = ONNX_DTYPES.find((dtype) => dtype === word.trim());
    if (found !== undefined) return found;
    throw new InputError(`--dtype ${JSON.stringify(text)}: expected some of ${ONNX_DTYPES.join(", ")}`);
  });
}

function told({ folder, files, notes }: Exported, asJson: true | undefined): void {
  if (asJson === true) {
    print(`${jsonLine({ folder, files, notes })}\n`);
    return;
  }
  print(printable(`${folder}: ${files.join(", ")}`).concat("\n"));
  for (const note of notes) print(`${printable(note)}\n`);
}
