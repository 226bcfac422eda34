/** @file `fmlora learn` */
import { existsSync } from "node:fs";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import type { LearnResult } from "../learner/index.ts";
import { TRAINING_WISHES } from "../learner/training.ts";
import { classFolders } from "../node/learner/class-folders.ts";
import { createLearner, type NodeLearner, openLearner } from "../node/learner/learner.ts";
import { modelFileIn } from "../node/runs/model.ts";
import { duration, jsonLine, percent, printable } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { DEVICES, type Device } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { asking, learnerProgress, modelOption, offlineOption } from "./learner-parts.ts";
import { numberFor, wholeAboveZero } from "./numbers.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";
import { stoppable } from "./stoppable.ts";

/** Learns the classes of a folder, into a new model or one that is there. */
export function learnCommand(registry: Registry) {
  return new Command("learn")
    .addArgument(new Argument("<folder>", "a folder with one folder of images a class"))
    .addOption(modelOption("folder of the model; made on first use, and changed whole or not at all"))
    .addOption(new Option("--domain <name>", "what the images look like, where that is new: sketch"))
    .addOption(
      new Option(
        "--train <when>",
        "whether to train the network: auto where held-out images say that it pays",
      )
        .choices(TRAINING_WISHES)
        .default("auto" as const),
    )
    .addOption(
      new Option(
        "--epochs <n>",
        "passes over the images (default: 4 in the first task that trains, else 2)",
      ).argParser(wholeAboveZero("epochs")),
    )
    .addOption(
      new Option("--validation-share <x>", "of each class's images, held out to decide and measure")
        .argParser(numberFor("validation-share"))
        .default(0.2),
    )
    .addOption(new Option("--method <name>", "of a new model (default: fm-lora)"))
    .addOption(
      new Option(
        "--backbone <name>",
        "of a new model (default: the one that comes along), or where it is now",
      ),
    )
    .addOption(
      new Option(
        "--adapter <folder>",
        "of a new model: a PEFT LoRA adapter to go on from; becomes part of it",
      ),
    )
    .addOption(new Option("--seed <n>", "of a new model (default: 1993)").argParser(numberFor("seed")))
    .addOption(new Option("--threads <n>", "of the runtime").argParser(wholeAboveZero("threads")))
    .addOption(new Option("--device <name>", "what computes").choices(DEVICES).default("cpu" as const))
    .addOption(offlineOption())
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(new Option("--json", "print what was done as a line of JSON"))
    .action(async (folder, options) => {
      const { model, json, train, epochs, validationShare, domain } = options;
      const status = statusLine();
      const classes = await classFolders(folder, { onNotice: (notice) => status.line(`note: ${notice}`) });
      const start = performance.now();
      const learner = await opened(model, {
        ...options,
        ...asking(model, status, options.offline),
        registry,
      });
      try {
        const result = await stoppable(
          status,
          (signal) =>
            learner.learn(
              { classes, domain },
              { train, epochs, validationShare, signal, onProgress: learnerProgress(status) },
            ),
          "stopped; the model is as it was",
        );
        if (result.images > 0) await learner.save(model);
        const seconds = (performance.now() - start) / 1000;
        print(`${json === true ? jsonLine({ ...result, seconds }) : asText(result, seconds)}\n`);
      } finally {
        status.stop();
        await learner.dispose();
      }
    });
}

interface OpenArguments {
  readonly method?: string | undefined;
  readonly backbone?: string | undefined;
  readonly adapter?: string | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly device: Device;
  readonly registry: Registry;
  readonly onDownload: ReturnType<typeof asking>["onDownload"];
  readonly onRequest: ReturnType<typeof asking>["onRequest"];
  readonly hub: ReturnType<typeof asking>["hub"];
}

/** @throws InputError for options of a new model where one is there already */
function opened(model: string, { method, seed, adapter, ...options }: OpenArguments): Promise<NodeLearner> {
  if (!existsSync(model) || modelFileIn(model) === undefined) {
    return createLearner({ ...options, method, seed, adapter, folder: model });
  }
  for (const [flag, value] of Object.entries({ method, seed, adapter })) {
    if (value !== undefined) {
      throw new InputError(`--${flag} ${value}: is for a new model, and ${model} has one; leave it out`);
    }
  }
  return openLearner(model, options);
}

function asText(result: LearnResult, seconds: number): string {
  const { added, updated, images, repeated, reason, heldOut } = result;
  const parts = [
    ...(added.length === 0 ? [] : [`new: ${added.join(", ")}`]),
    ...(updated.length === 0 ? [] : [`further images of: ${updated.join(", ")}`]),
    ...(images === 0 ? [] : [`${images} images in ${duration(seconds)}`]),
    ...(repeated === 0 || images === 0 ? [] : [`${repeated} learned before are left out`]),
    reason,
    ...(heldOut === null
      ? []
      : [`${percent(heldOut.accuracy)} % of ${heldOut.images} held-out images are answered right`]),
  ];
  return parts.map(printable).join("\n");
}
