/** @file `fmlora methods` */
import { Argument, Command } from "@commander-js/extra-typings";
import { traitsText } from "../report/summary.ts";
import { byName, type Registry } from "../run/registry.ts";
import { settingList } from "./listing.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { settingsOf } from "./settings.ts";

/** Lists the methods with their options. */
export function methodsCommand(registry: Registry) {
  return new Command("methods")
    .addArgument(new Argument("[method]", "only this one"))
    .addOption(pluginOption("also list the methods"))
    .action((name) => {
      const methods = name === undefined ? registry.methods : [byName(registry, "methods", name)];
      const texts = methods.map(
        ({ name, summary, source, traits, defaults, options }) =>
          `${name}: ${summary}\n  source: ${source}\n  ${traitsText(traits)}\n  heads: ${defaults.heads.join(", ")}; drift: ${defaults.drift}\n${settingList(settingsOf(options))}`,
      );
      print(texts.join("\n"));
    });
}
