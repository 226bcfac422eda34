/** @file `fmlora data` */
import { Command, Option } from "@commander-js/extra-typings";
import type { Registry } from "../run/registry.ts";
import { checkCommand } from "./data-check.ts";
import { fetchDataCommand } from "./data-fetch.ts";
import { benchmarkJson, benchmarkList } from "./data-list.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";

/** Lists the benchmarks: what each needs, where it comes from, its size, license and options. */
export function dataCommand(registry: Registry) {
  const { benchmarks } = registry;
  const command = new Command("data")
    .addOption(new Option("--json", "as JSON"))
    .addOption(pluginOption("also list the benchmarks"))
    .action(({ json }) => {
      print(json === true ? benchmarkJson(benchmarks) : benchmarkList(benchmarks));
    });
  command.addCommand(checkCommand(registry) as unknown as Command);
  command.addCommand(fetchDataCommand(registry) as unknown as Command);
  return command;
}
