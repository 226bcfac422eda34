/** @file `fmlora predict` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { openModel } from "../node/model.ts";
import { printable } from "../report/format.ts";
import { InputError } from "../tensor/errors.ts";
import { fileBatches } from "./images.ts";

/** Classifies image files with the model of a run. */
export function predictCommand() {
  return new Command("predict")
    .description("classify images with the model of a run")
    .addArgument(new Argument("<files...>", "JPEG, PNG, WebP or GIF images"))
    .addOption(new Option("--model <folder>", "folder of a run, or its model/ folder").makeOptionMandatory())
    .addOption(new Option("--backbone <folder>", "where the model's backbone is, if it has moved"))
    .addOption(new Option("--readout <name>", "way to classify (default: the method's own)"))
    .addOption(new Option("--json", "print one line of JSON a file, with all classes' probabilities"))
    .action(async (files, options) => {
      const { backbone, readout } = options;
      const model = await openModel(options.model, { backbone, readout });
      const unreadable: string[] = [];
      try {
        for await (const part of fileBatches(files, model.preprocessing)) {
          unreadable.push(...part.unreadable);
          if (part.batch.count === 0) continue;
          for (const [i, probabilities] of (await model.probabilities(part.batch)).entries()) {
            const line = options.json === true ? asJson : asText;
            process.stdout.write(`${line(part.files[i]!, probabilities)}\n`);
          }
        }
      } finally {
        await model.dispose();
      }
      if (unreadable.length > 0) throw new InputError(unreadable.join("; "));
    });
}

type Probabilities = readonly { readonly className: string; readonly probability: number }[];

function asText(file: string, [best]: Probabilities): string {
  return printable(`${file}: ${best!.className} ${best!.probability.toFixed(3)}`);
}

function asJson(file: string, all: Probabilities): string {
  const [best] = all;
  const probabilities = Object.fromEntries(
    all.map(({ className, probability }) => [className, Number(probability.toPrecision(6))]),
  );
  return JSON.stringify({ file, class: best!.className, probability: best!.probability, probabilities });
}
