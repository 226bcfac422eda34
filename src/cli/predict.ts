/** @file `fmlora predict` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { hubSettings, offline } from "../node/hub/index.ts";
import { type Classified, openModel } from "../node/runs/model.ts";
import { jsonLine, printable } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { downloadListener } from "./downloads.ts";
import { fileBatches, imagesIn } from "./images.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";

/** Classifies image files with the model of a run. */
export function predictCommand(registry: Registry) {
  return new Command("predict")
    .description("classify images with the model of a run")
    .addArgument(
      new Argument("<files...>", "JPEG, PNG, WebP or GIF images, or folders: all images in them, by name"),
    )
    .addOption(new Option("--model <folder>", "folder of a run, or its model/ folder").makeOptionMandatory())
    .addOption(new Option("--backbone <name>", "folder or name of the model's backbone, if it has moved"))
    .addOption(new Option("--readout <name>", "head that classifies (default: the model's own choice)"))
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(
      new Option(
        "--offline",
        "ask no other machine: a backbone of the Hugging Face Hub has to be in its cache",
      ),
    )
    .addOption(new Option("--json", "print one line of JSON a file, with all classes' probabilities"))
    .action(async (filesOrFolders, options) => {
      const { backbone, readout: head } = options;
      const { files, notices } = await imagesIn(filesOrFolders);
      const status = statusLine();
      const model = await openModel(options.model, {
        backbone,
        head,
        registry,
        onDownload: downloadListener(status),
        onRequest: (name, endpoint) =>
          status.line(
            `${options.model}: its backbone is ${name} of the Hugging Face Hub; asking ${endpoint} for it (--offline forbids that)`,
          ),
        hub: options.offline === true ? offline(hubSettings()) : undefined,
      }).finally(status.stop);
      for (const notice of [...model.notices, ...notices]) status.line(`note: ${notice}`);
      if (options.json !== true) status.line(temperatureNote(model.temperature));
      const unreadable: string[] = [];
      try {
        for await (const part of fileBatches(files, model.preprocessing)) {
          unreadable.push(...part.unreadable);
          if (part.batch.count === 0) continue;
          for (const [i, answer] of (await model.classify(part.batch)).entries()) {
            const line =
              options.json === true ? asJson(part.files[i]!, answer) : asText(part.files[i]!, answer);
            print(`${line}\n`);
          }
        }
      } finally {
        await model.dispose();
      }
      if (unreadable.length > 0) throw new InputError(unreadable.join("; "));
    });
}

/** A probability is sure of images that are none of the classes, too; a distance well above 1 tells some of them. */
function asText(file: string, { classes: [best], distance }: Classified): string {
  const far = distance === null ? "" : ` (distance ${distance.toFixed(2)})`;
  return printable(`${file}: ${best!.className} ${best!.probability.toFixed(3)}${far}`);
}

/** What to know before probabilities are believed. */
function temperatureNote(temperature: number | null): string {
  const calibrated =
    temperature === null
      ? "probabilities are not calibrated"
      : `probabilities are calibrated on the classes it knows (temperature ${temperature.toFixed(2)})`;
  return `note: ${calibrated}, and may be near 1 for an image of no known class; distances well above 1 tell some of these`;
}

/** `distance` tells images of no known class: see `Classified`. */
function asJson(file: string, { classes, distance }: Classified): string {
  const [best] = classes;
  const probabilities = Object.fromEntries(
    classes.map(({ className, probability }) => [className, Number(probability.toPrecision(6))]),
  );
  return jsonLine({
    file,
    class: best!.className,
    probability: best!.probability,
    ...(distance === null ? {} : { distance: Number(distance.toPrecision(6)) }),
    probabilities,
  });
}
