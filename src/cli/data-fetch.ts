/** @file `fmlora data fetch` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { type Fetched, fetchBenchmark } from "../node/benchmarks/fetch.ts";
import type { Benchmark } from "../run/benchmark.ts";
import { byName, type Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { sizeText } from "./data-list.ts";
import { downloadListener } from "./downloads.ts";
import { print } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { statusLine } from "./progress.ts";

/** Brings a benchmark from the Hugging Face Hub into a folder. */
export function fetchDataCommand(registry: Registry) {
  return new Command("fetch")
    .description("bring a benchmark's images from the Hugging Face Hub (continued where it broke off)")
    .addArgument(new Argument("<benchmark>", `one of: ${fetchable(registry).join(", ")}`))
    .addOption(new Option("--data <folder>", "folder to put them into"))
    .addOption(pluginOption("also know the benchmarks"))
    .option("--debug", "show where an error comes from")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .action(async (name, { data }) => {
      const benchmark = byName(registry, "benchmarks", name);
      if (benchmark.source.hub !== null && (data === undefined || data === "")) {
        throw new InputError(`${name}: no folder given to put the data into; add --data DIR`);
      }
      const { files, bytes } = await bringing(benchmark, data ?? "");
      const what = files.length === 1 ? "1 file" : `${files.length} files`;
      print(
        `${data}: ${what} of ${benchmark.source.hub?.repo}, ${sizeText(bytes)}; license: ${benchmark.source.license}\n` +
          `  fmlora data check ${name} --data ${data} looks through them\n`,
      );
    });
}

const fetchable = ({ benchmarks }: Registry): string[] =>
  benchmarks.filter(({ source }) => source.hub !== null).map(({ name }) => name);

async function bringing(benchmark: Benchmark, folder: string): Promise<Fetched> {
  const status = statusLine();
  try {
    return await fetchBenchmark(benchmark, folder, downloadListener(status));
  } finally {
    status.stop();
  }
}
