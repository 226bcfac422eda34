/** @file `fmlora predict` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { openModel } from "../node/runs/model.ts";
import { printable } from "../report/format.ts";
import { InputError } from "../tensor/errors.ts";
import { downloadListener } from "./downloads.ts";
import { fileBatches, imagesIn } from "./images.ts";
import { statusLine } from "./progress.ts";

/** Classifies image files with the model of a run. */
export function predictCommand() {
  return new Command("predict")
    .description("classify images with the model of a run")
    .addArgument(
      new Argument("<files...>", "JPEG, PNG, WebP or GIF images, or folders: all images in them, by name"),
    )
    .addOption(new Option("--model <folder>", "folder of a run, or its model/ folder").makeOptionMandatory())
    .addOption(new Option("--backbone <name>", "folder or name of the model's backbone, if it has moved"))
    .addOption(new Option("--readout <name>", "way to classify (default: the method's own)"))
    .addOption(new Option("--json", "print one line of JSON a file, with all classes' probabilities"))
    .action(async (filesOrFolders, options) => {
      const { backbone, readout } = options;
      const { files, notices } = await imagesIn(filesOrFolders);
      const status = statusLine();
      const onDownload = downloadListener(status);
      const model = await openModel(options.model, { backbone, readout, onDownload }).finally(status.stop);
      for (const notice of [...model.notices, ...notices]) status.line(`note: ${notice}`);
      const unreadable: string[] = [];
      try {
        for await (const part of fileBatches(files, model.preprocessing)) {
          unreadable.push(...part.unreadable);
          if (part.batch.count === 0) continue;
          const distances = options.json === true ? await model.distances(part.batch) : null;
          for (const [i, probabilities] of (await model.probabilities(part.batch)).entries()) {
            const file = part.files[i]!;
            const json = options.json === true;
            process.stdout.write(
              `${json ? asJson(file, probabilities, distances?.[i]) : asText(file, probabilities)}\n`,
            );
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

/** `distance` tells images of no known class: see `Learner.distances`. */
function asJson(file: string, all: Probabilities, distance: number | undefined): string {
  const [best] = all;
  const probabilities = Object.fromEntries(
    all.map(({ className, probability }) => [className, Number(probability.toPrecision(6))]),
  );
  return JSON.stringify({
    file,
    class: best!.className,
    probability: best!.probability,
    ...(distance === undefined ? {} : { distance: Number(distance.toPrecision(6)) }),
    probabilities,
  });
}
