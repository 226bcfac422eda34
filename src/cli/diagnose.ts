/** @file `fmlora diagnose` */
import { existsSync } from "node:fs";
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { checkTarget } from "../node/files/target.ts";
import { writeWhole } from "../node/files/write.ts";
import { chartDocument } from "../node/runs/chart-document.ts";
import { diagnoseRun } from "../node/runs/diagnose.ts";
import { diagnosisPicture, diagnosisTables, type RunDiagnosis } from "../report/diagnosis.ts";
import { jsonLine } from "../report/format.ts";
import type { Registry } from "../run/registry.ts";
import { wholeAboveZero } from "./numbers.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";
import { stoppable } from "./stoppable.ts";

/** Says where finished runs lose their points. */
export function diagnoseCommand(registry: Registry) {
  return new Command("diagnose")
    .addArgument(new Argument("<runs...>", "folders of runs; LABEL=FOLDER to name one"))
    .addOption(new Option("--data <folder>", "folder of the images, if they have moved"))
    .addOption(new Option("--backbone <name>", "folder or name of the backbone, if it has moved"))
    .addOption(
      new Option("--tasks <n>", "tasks to tell apart where a method learned all at once (joint)").argParser(
        wholeAboveZero("tasks"),
      ),
    )
    .addOption(pluginOption("also know the methods and heads"))
    .addOption(new Option("--svg <file>", "also draw it"))
    .addOption(new Option("--markdown", "write the tables as Markdown").conflicts("json"))
    .addOption(new Option("--json", "print one line of JSON a run"))
    .action(async (runs, { data, backbone, tasks, svg, markdown, json }) => {
      if (svg !== undefined) await checkTarget("--svg", svg);
      const status = statusLine();
      const found: RunDiagnosis[] = [];
      for (const text of runs) {
        const { label, folder } = named(text);
        const options = { label, data, backbone, tasks, registry };
        const progress = (done: number, total: number): void =>
          status.update(`${label}: ${done} of ${total} images`, done / total);
        const onNotice = (notice: string): void => status.line(`note: ${notice}`);
        const work = (signal: AbortSignal) => diagnoseRun(folder, { ...options, signal, progress, onNotice });
        found.push(await stoppable(status, work, "stopped; nothing was written"));
      }
      if (svg !== undefined) await writeWhole(svg, diagnosisPicture(chartDocument(), found));
      if (json === true) for (const each of found) print(`${jsonLine(each)}\n`);
      else print(diagnosisTables(found, markdown === true ? "markdown" : "text"));
    });
}

/** LABEL=FOLDER, or a folder. */
function named(text: string): { readonly label: string; readonly folder: string } {
  const [, label, folder] = existsSync(text) ? [] : (/^([^=]+)=(.*)$/s.exec(text) ?? []);
  return label === undefined ? { label: text, folder: text } : { label, folder: folder! };
}
