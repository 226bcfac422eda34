/** @file `fmlora pretrain` */
import { join } from "node:path";
import { Command, Help, Option } from "@commander-js/extra-typings";
import { type PretrainingOptionsInput, pretrainingOptionsSchema } from "../node/pretraining/options.ts";
import { runPretraining } from "../node/pretraining/pretrain.ts";
import { bestAccuracy } from "../pretraining/checkpoint.ts";
import type { PretrainingEvent } from "../pretraining/events.ts";
import { count, duration, percent, rate } from "../report/format.ts";
import { InputError } from "../tensor/errors.ts";
import { StoppedError } from "./failures.ts";
import { print, remark } from "./output.ts";
import { jsonProgress, type Progress, statusLine } from "./progress.ts";
import { given, helpOptions, parserOptions, settingsOf } from "./settings.ts";
import { CONTINUE, stoppable } from "./stoppable.ts";

const settings = settingsOf(pretrainingOptionsSchema);

/** Trains all weights of a ViT on labeled images, with a teacher or without. */
export function pretrainCommand() {
  const command = new Command("pretrain")
    .addOption(new Option("--out <folder>", "folder of the training").makeOptionMandatory())
    .addOption(new Option("--resume", "continue the training in that folder where it stopped"))
    .addOption(
      new Option("--cache <folder>", "decoded images and the teacher's features (default: cache/ in --out)"),
    )
    .addOption(minutes("--minutes <n>", "stop cleanly after so many minutes; --resume continues"))
    .addOption(minutes("--checkpoint-minutes <n>", "minutes between two checkpoints").default(5))
    .addOption(new Option("--json", "print every event as a line of JSON on standard output"));
  for (const option of parserOptions(settings)) command.addOption(option);
  return command
    .configureHelp({
      visibleOptions: (shown) => [
        ...Help.prototype.visibleOptions.call(new Help(), shown),
        ...helpOptions("Options of a pre-training:", settings),
      ],
    })
    .action((chosen) => start(chosen, given(settings, command.opts()) as PretrainingOptionsInput));
}

interface PretrainArguments {
  readonly out: string;
  readonly resume?: true | undefined;
  readonly cache?: string | undefined;
  readonly minutes?: number | undefined;
  readonly checkpointMinutes: number;
  readonly json?: true | undefined;
}

async function start(chosen: PretrainArguments, options: PretrainingOptionsInput): Promise<void> {
  const { out, resume, json, ...rest } = chosen;
  const progress = json === true ? jsonLines() : narrated();
  let byHand = false;
  const { finished, accuracy } = await stoppable(progress, async (signal) => {
    const request = { ...rest, options, out, resume: resume === true };
    const metrics = await runPretraining(request, progress.listen, signal);
    byHand = signal.aborted;
    return metrics;
  });
  if (byHand && !finished) throw new StoppedError(CONTINUE);
  const model = join(out, "model");
  progress.line(
    finished
      ? `${model}: ${percent(accuracy!)} % of the validation images; use it with --backbone ${model}`
      : `the time is up; ${CONTINUE.replace("stopped; ", "")}`,
  );
}

const minutes = <Flags extends string>(flags: Flags, description: string) =>
  new Option(flags, description).argParser((text: string): number => {
    if (text.trim() !== "" && Number(text) > 0) return Number(text);
    throw new InputError(`${flags.split(" ")[0]} ${JSON.stringify(text)}: expected a number above 0`);
  });

const jsonLines = (): Progress<PretrainingEvent> => jsonProgress(print, remark);

/** Events as people read them. */
function narrated(): Progress<PretrainingEvent> {
  const status = statusLine();
  return {
    ...status,
    listen(event) {
      const lasting = lastingLine(event);
      if (lasting !== undefined) status.line(lasting);
      if (event.type === "phase") {
        status.update(`${event.name} ${event.done}/${event.total}`, event.done / event.total);
      }
      if (event.type === "step") status.update(stepLine(event), event.step / event.steps);
    },
  };
}

function stepLine(event: Extract<PretrainingEvent, { type: "step" }>): string {
  const { step, steps, epoch, crossEntropy, featureError, imagesPerSecond, secondsLeft } = event;
  const parts = [
    `epoch ${epoch + 1}, step ${step}/${steps}`,
    `cross-entropy ${crossEntropy.toFixed(3)}`,
    ...(featureError === null ? [] : [`feature error ${featureError.toFixed(3)}`]),
    `${rate(imagesPerSecond)} images/s`,
    `${duration(secondsLeft)} left`,
  ];
  return parts.join(", ");
}

/** What stays on the screen. */
function lastingLine(event: PretrainingEvent): string | undefined {
  switch (event.type) {
    case "pretraining-start": {
      const { images, validationImages, classes, parameters, epochs, steps, teacherAccuracy } = event;
      const data = `${count(images)} images of ${classes} classes, ${validationImages} for validation`;
      const start = `${count(parameters)} parameters, ${data}, ${epochs} epochs of ${steps / epochs} steps`;
      if (teacherAccuracy === null) return start;
      return `${start}; a linear head on the teacher's features: ${percent(teacherAccuracy)} %`;
    }
    case "notice":
      return `note: ${event.text}`;
    case "resume":
      return `continuing at step ${event.step}/${event.steps}`;
    case "epoch": {
      const { epoch, crossEntropy, seconds } = event;
      return `epoch ${epoch} done after ${duration(seconds)}: cross-entropy ${crossEntropy.toFixed(3)}, ${percent(bestAccuracy(event))} % of the validation images`;
    }
    case "pretraining-end":
      return `trained for ${duration(event.seconds)}`;
    default:
      return undefined;
  }
}
