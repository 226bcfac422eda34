/** @file `fmlora data` */
import { Command } from "@commander-js/extra-typings";
import { benchmarks } from "../node/datasets/index.ts";
import { settingList } from "./listing.ts";
import { benchmarkSettings } from "./settings.ts";

/** Lists the benchmarks, what each needs and its options. */
export function dataCommand() {
  return new Command("data").description("list the benchmarks and what they need").action(() => {
    const texts = benchmarks.map(
      ({ name, summary, kind, tasks, needs, options }) =>
        `${name}: ${summary}\n  ${kind}, ${tasks} tasks unless told otherwise; needs ${needs}\n${settingList(benchmarkSettings(options))}`,
    );
    process.stdout.write(texts.join("\n"));
  });
}
