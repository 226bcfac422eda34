/** @file `fmlora methods` */
import { Argument, Command } from "@commander-js/extra-typings";
import { METHODS } from "../methods/index.ts";
import { methodNamed } from "../node/runs/run.ts";
import { settingList } from "./listing.ts";
import { print } from "./output.ts";
import { settingsOf } from "./settings.ts";

/** Lists the methods with their options. */
export function methodsCommand() {
  return new Command("methods")
    .description("list the methods and their options")
    .addArgument(new Argument("[method]", "only this one"))
    .action((name) => {
      const methods = name === undefined ? METHODS : [methodNamed(name)];
      const texts = methods.map(
        ({ name, summary, source, options }) =>
          `${name}: ${summary}\n  source: ${source}\n${settingList(settingsOf(options))}`,
      );
      print(texts.join("\n"));
    });
}
