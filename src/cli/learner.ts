/** @file `fmlora evaluate`, `info`, `undo`, `rename-class` and `remove-class`: the commands of a learner beside `learn`. */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import type { LearnerInfo } from "../learner/index.ts";
import { classFolders } from "../node/learner/class-folders.ts";
import { type NodeLearner, openLearner } from "../node/learner/learner.ts";
import { bytes, count, decimal, jsonLine, percent, printable } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { asking, learnerProgress, modelOption, offlineOption } from "./learner-parts.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";

/** `fmlora undo` */
export const undoCommand = (registry: Registry) =>
  changing(registry, "undo", [], async (learner) => {
    await learner.undo();
    return `it knows again: ${learner.classes.join(", ")}`;
  });

/** `fmlora rename-class` */
export const renameClassCommand = (registry: Registry) =>
  changing(registry, "rename-class", ["<old>", "<new>"], async (learner, [name, to]) => {
    await learner.renameClass(name!, to!);
    return `${name} is ${to} now`;
  });

/** `fmlora remove-class` */
export const removeClassCommand = (registry: Registry) =>
  changing(registry, "remove-class", ["<name>"], async (learner, [name]) => {
    await learner.removeClass(name!);
    return `${name} is no answer any more; this is no unlearning: what its images changed in the network and in the scatter of all classes stays`;
  });

/** `fmlora evaluate` */
export function evaluateCommand(registry: Registry) {
  return new Command("evaluate")
    .addArgument(new Argument("<folder>", "a folder with one folder of images a class"))
    .addOption(modelOption())
    .addOption(backboneOption())
    .addOption(offlineOption())
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(new Option("--json", "print one line of JSON"))
    .action(async (folder, { model, json, backbone, offline }) => {
      const notes = statusLine();
      const labeled = await classFolders(folder, { onNotice: (notice) => notes.line(`note: ${notice}`) });
      await using(
        openLearner(model, { ...asking(model, statusLine(), offline), readOnly: true, registry, backbone }),
        async (learner) => {
          const status = statusLine();
          const result = await learner
            .evaluate(labeled, { onProgress: learnerProgress(status) })
            .finally(status.stop);
          const lines = Object.entries(result.classes).map(
            ([name, { images, accuracy }]) => `  ${name}: ${percent(accuracy)} % of ${images}`,
          );
          const text = [`${percent(result.accuracy)} % of ${result.images} images`, ...lines];
          print(`${json === true ? jsonLine(result) : text.map(printable).join("\n")}\n`);
        },
      );
    });
}

/** `fmlora info` */
export function infoCommand(registry: Registry) {
  return new Command("info")
    .addOption(modelOption())
    .addOption(backboneOption())
    .addOption(offlineOption())
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(new Option("--json", "print one line of JSON"))
    .action(async ({ model, json, backbone, offline }) => {
      await using(
        openLearner(model, { ...asking(model, statusLine(), offline), readOnly: true, registry, backbone }),
        async (learner) => {
          const info = await learner.info();
          print(`${json === true ? jsonLine(info) : asText(info)}\n`);
        },
      );
    });
}

/** A command that changes a model and saves it. */
function changing(
  registry: Registry,
  name: string,
  names: readonly string[],
  change: (learner: NodeLearner, names: readonly string[]) => Promise<string>,
) {
  const command = new Command(name);
  for (const each of names) command.addArgument(new Argument(each));
  return command
    .addOption(modelOption())
    .addOption(backboneOption())
    .addOption(offlineOption())
    .addOption(pluginOption("also know the methods and heads"))
    .action(async (...given: unknown[]) => {
      const { model, backbone, offline } = command.opts() as {
        model: string;
        backbone?: string;
        offline?: true;
      };
      await using(
        openLearner(model, { ...asking(model, statusLine(), offline), registry, backbone }),
        async (learner) => {
          const done = await change(learner, given.slice(0, names.length) as string[]);
          await learner.save();
          print(`${printable(done)}\n`);
        },
      );
    });
}

const backboneOption = () =>
  new Option("--backbone <name>", "folder or name of the model's backbone, if it has moved");

async function using(
  opening: Promise<NodeLearner>,
  work: (learner: NodeLearner) => Promise<void>,
): Promise<void> {
  const learner = await opening;
  try {
    await work(learner);
  } finally {
    await learner.dispose();
  }
}

function asText(info: LearnerInfo): string {
  const { method, heads, backbone, classes, tasks, tasksBefore, similarity, stateBytes, canUndo } = info;
  const lines = [
    `${method}, heads ${heads.join(", ")}, backbone ${backbone} (${count(info.backboneParameters)} parameters)`,
    ...(info.adapterLayers === 0 ? [] : [`goes on from an adapter of ${info.adapterLayers} layers`]),
    `${Object.keys(classes).length} classes: ${Object.entries(classes)
      .map(([name, images]) => (images === 0 ? name : `${name} (${images})`))
      .join(", ")}`,
    `${bytes(stateBytes)} without the backbone; the last learn can${canUndo ? "" : "not"} be taken back`,
    ...(tasksBefore === 0 ? [] : [`${tasksBefore} tasks of a run before`]),
    ...tasks.flatMap((task, at) => taskLines(task, at, similarity[at]!)),
  ];
  return lines.map(printable).join("\n");
}

function taskLines(
  { domain, added, updated, images, reason, heldOut, ranks }: LearnerInfo["tasks"][number],
  at: number,
  similarity: LearnerInfo["similarity"][number],
): string[] {
  const ranked = Object.values(ranks);
  const alike = similarity.slice(0, at).map((value) => (value === null ? "-" : decimal(value, 2)));
  return [
    `learn ${at + 1}${domain === null ? "" : `, ${domain}`}: ${images} images of ${[...added, ...updated].join(", ")}`,
    `  ${reason}`,
    ...(heldOut === null ? [] : [`  ${percent(heldOut.accuracy)} % of ${heldOut.images} held-out images`]),
    ...(ranked.length === 0 ? [] : [`  ranks ${Math.min(...ranked)} to ${Math.max(...ranked)}`]),
    ...(alike.length === 0 ? [] : [`  similarity with the learns before: ${alike.join(" ")}`]),
  ];
}
