/** @file `fmlora data` */
import { Command, Option } from "@commander-js/extra-typings";
import { benchmarks } from "../node/benchmarks/index.ts";
import { checkCommand } from "./data-check.ts";
import { fetchDataCommand } from "./data-fetch.ts";
import { benchmarkJson, benchmarkList } from "./data-list.ts";
import { print } from "./output.ts";

/** Lists the benchmarks: what each needs, where it comes from, its size, license and options. */
export function dataCommand() {
  const command = new Command("data")
    .description("list the benchmarks and what they need")
    .addOption(new Option("--json", "as JSON"))
    .action(({ json }) => {
      print(json === true ? benchmarkJson(benchmarks) : benchmarkList(benchmarks));
    });
  command.addCommand(checkCommand() as unknown as Command);
  command.addCommand(fetchDataCommand() as unknown as Command);
  return command;
}
