/** @file `fmlora data fetch` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { type Fetched, fetchBenchmark } from "../node/benchmarks/fetch.ts";
import { type Benchmark, benchmarkNamed, benchmarks } from "../node/benchmarks/index.ts";
import { InputError } from "../tensor/errors.ts";
import { sizeText } from "./data-list.ts";
import { downloadListener } from "./downloads.ts";
import { print } from "./output.ts";
import { statusLine } from "./progress.ts";

/** Brings a benchmark from the Hugging Face Hub into a folder. */
export function fetchDataCommand() {
  return new Command("fetch")
    .description("bring a benchmark's images from the Hugging Face Hub (continued where it broke off)")
    .addArgument(new Argument("<benchmark>", `one of: ${fetchable().join(", ")}`))
    .addOption(new Option("--data <folder>", "folder to put them into"))
    .option("--debug", "show where an error comes from")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .action(async (name, { data }) => {
      const benchmark = benchmarkNamed(name);
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

const fetchable = (): string[] =>
  benchmarks.filter(({ source }) => source.hub !== null).map(({ name }) => name);

async function bringing(benchmark: Benchmark, folder: string): Promise<Fetched> {
  const status = statusLine();
  try {
    return await fetchBenchmark(benchmark, folder, downloadListener(status));
  } finally {
    status.stop();
  }
}
