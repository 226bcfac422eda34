/** @file `fmlora methods` */
import { Argument, Command } from "@commander-js/extra-typings";
import { type Value, wordOf } from "../grid/values.ts";
import type { AnyMethod } from "../methods/index.ts";
import type { MethodDefaults } from "../methods/method.ts";
import { rangeText } from "../methods/ranges.ts";
import { traitsText } from "../report/summary.ts";
import { flagOf } from "../run/flag.ts";
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
        ({ name, summary, source, traits, defaults, options, ranges }) =>
          `${name}: ${summary}\n  source: ${source}\n  ${traitsText(traits)}\n  heads: ${defaults.heads.join(", ")}; drift: ${defaults.drift}${onDomains(defaults)}${searched(ranges)}\n${settingList(settingsOf(options))}`,
      );
      print(texts.join("\n"));
    });
}

/** "\n  on domains: --rows linear" */
function onDomains(defaults: MethodDefaults): string {
  const flags = domainFlags(defaults);
  return flags === "" ? "" : `\n  on domains: ${flags}`;
}

/** What a method takes in place of its options' defaults where every task brings the same classes. "--rows linear" */
export const domainFlags = ({ domains = {} }: MethodDefaults): string =>
  Object.entries(domains)
    .map(([name, value]) => wordOf(flagOf(name), value as Value).replace("=", " "))
    .join(" ");

/** "\n  tune searches: --head-rate 0.001 to 0.025, logarithmic" */
function searched(ranges: AnyMethod["ranges"] = {}): string {
  const texts = Object.entries(ranges).flatMap(([name, range]) =>
    range === undefined ? [] : [`--${flagOf(name)} ${rangeText(range)}`],
  );
  return texts.length === 0 ? "" : `\n  tune searches: ${texts.join("; ")}`;
}
