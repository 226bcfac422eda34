/** @file `fmlora predict` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { type Prediction, UNKNOWN } from "../learner/answers.ts";
import { openModel } from "../node/runs/model.ts";
import { jsonLine, printable } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { fileBatches, imagesIn } from "./images.ts";
import { asking, offlineOption } from "./learner-parts.ts";
import { numberFor, wholeAboveZero } from "./numbers.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";

/** Classifies image files with the model of a run or a learner. */
export function predictCommand(registry: Registry) {
  return new Command("predict")
    .addArgument(
      new Argument("<files...>", "JPEG, PNG, WebP or GIF images, or folders: all images in them, by name"),
    )
    .addOption(
      new Option("--model <folder>", "folder of a learner's model, or of a run").makeOptionMandatory(),
    )
    .addOption(new Option("--backbone <name>", "folder or name of the model's backbone, if it has moved"))
    .addOption(new Option("--readout <name>", "head that classifies (default: the model's own choice)"))
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(new Option("--top <n>", "print the n likeliest classes").argParser(wholeAboveZero("top")))
    .addOption(
      new Option(
        "--unknown-threshold <x>",
        "strangeness above which an image is unknown (default: what the model's held-out images said)",
      ).argParser(numberFor("unknown-threshold")),
    )
    .addOption(offlineOption())
    .addOption(new Option("--json", "print one line of JSON a file, with all classes' probabilities"))
    .action(async (filesOrFolders, options) => {
      const { backbone, readout: head, top, unknownThreshold } = options;
      const { files, notices } = await imagesIn(filesOrFolders);
      const status = statusLine();
      const model = await openModel(options.model, {
        backbone,
        head,
        unknownThreshold,
        registry,
        ...asking(options.model, status, options.offline),
      }).finally(status.stop);
      for (const notice of [...model.notices, ...notices]) status.line(`note: ${notice}`);
      const unreadable: string[] = [];
      let answered = false;
      try {
        for await (const part of fileBatches(files, model.preprocessing)) {
          unreadable.push(...part.unreadable);
          if (part.batch.count === 0) continue;
          for (const [i, answer] of (await model.classify(part.batch)).entries()) {
            const shown = { ...answer, classes: answer.classes.slice(0, top) };
            const line =
              options.json === true ? asJson(part.files[i]!, shown) : asText(part.files[i]!, shown, top);
            print(`${line}\n`);
            answered = true;
          }
        }
      } finally {
        await model.dispose();
      }
      if (answered && options.json !== true) status.line(temperatureNote(model.temperature));
      if (unreadable.length > 0) throw new InputError(unreadable.join("; "));
    });
}

/**
 * With `top`, as many classes; of an unknown image what it is nearest to. A probability is sure of images that are none of
 * the classes, too; a distance well above 1 tells some of them.
 */
function asText(file: string, { unknown, classes, distance }: Prediction, top = 1): string {
  const known = classes
    .slice(0, top)
    .map(({ className, probability }) => `${className} ${probability.toFixed(3)}`)
    .join(", ");
  const far = distance === null ? "" : ` (distance ${distance.toFixed(2)})`;
  return printable(`${file}: ${unknown ? `${UNKNOWN}, nearest ` : ""}${known}${far}`);
}

/** What to know before probabilities are believed. */
function temperatureNote(temperature: number | null): string {
  const calibrated =
    temperature === null
      ? "probabilities are not calibrated"
      : `probabilities are calibrated on the classes it knows (temperature ${temperature.toFixed(2)})`;
  return `note: ${calibrated}, and may be near 1 for an image of no known class; distances well above 1 tell some of these`;
}

/** `strangeness` and `distance` tell images of no known class: see `Prediction`. */
function asJson(file: string, { label, unknown, classes, distance, strangeness }: Prediction): string {
  const [best] = classes;
  const probabilities = Object.fromEntries(
    classes.map(({ className, probability }) => [className, Number(probability.toPrecision(6))]),
  );
  return jsonLine({
    file,
    class: label,
    ...(unknown ? { unknown } : {}),
    probability: best!.probability,
    ...(distance === null ? {} : { distance: Number(distance.toPrecision(6)) }),
    ...(strangeness === null ? {} : { strangeness: Number(strangeness.toPrecision(6)) }),
    probabilities,
  });
}
