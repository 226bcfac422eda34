/** @file `fmlora data` and `fmlora data check` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { checkDataset, type DatasetCheck } from "../node/datasets/check.ts";
import { benchmarkNamed, benchmarks } from "../node/datasets/index.ts";
import { InputError } from "../tensor/errors.ts";
import { benchmarkJson, benchmarkList } from "./data-list.ts";
import { benchmarkSettings, given, parserOptions } from "./settings.ts";

/** Lists the benchmarks: what each needs, where it comes from, its size, licence and options. */
export function dataCommand() {
  const command = new Command("data")
    .description("list the benchmarks, what they need and where it comes from")
    .addOption(new Option("--json", "as JSON"))
    .action(({ json }) => {
      process.stdout.write(json === true ? benchmarkJson(benchmarks) : benchmarkList(benchmarks));
    });
  command.addCommand(checkCommand() as unknown as Command);
  return command;
}

/** Opens a benchmark's data, counts, and says what is wrong with it. */
function checkCommand() {
  const command = new Command("check")
    .description("say in seconds what is in a benchmark's folder, and what is wrong with it")
    .addArgument(new Argument("<benchmark>", `one of: ${benchmarks.map(({ name }) => name).join(", ")}`))
    .addOption(new Option("--data <folder>", "folder with the benchmark's images"))
    .addOption(new Option("--decode", "decode every image, not only one of each class and domain"))
    .option("--debug", "show where an error comes from")
    .addHelpText("after", "\nA benchmark's own options (fmlora data lists them) are taken, too.")
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  command.action((benchmark, options) => check(benchmark, options, command.opts()));
  const flags = new Map(
    benchmarks
      .flatMap(({ options }) => parserOptions(benchmarkSettings(options)))
      .map((option) => [option.flags, option] as const),
  );
  for (const option of flags.values()) command.addOption(option);
  return command;
}

interface CheckArguments {
  readonly data?: string | undefined;
  readonly decode?: true | undefined;
}

async function check(
  name: string,
  { data, decode }: CheckArguments,
  typed: Readonly<Record<string, unknown>>,
): Promise<void> {
  const benchmark = benchmarkNamed(name);
  const options = given(
    benchmarks.flatMap((each) => benchmarkSettings(each.options)),
    typed,
  ) as Record<string, string | number>;
  const dataset = await benchmark.open({ data, options });
  const result = await checkDataset(dataset, { decode, onProgress: progress });
  process.stdout.write(report(result));
  if (result.problemCount > 0) {
    const all = result.problemCount === 1 ? "1 problem" : `${result.problemCount} problems`;
    throw new InputError(`${data ?? name}: ${all}; the first: ${result.problems[0]}`);
  }
}

/** The counts, and the first problems a line each. */
function report({ name, classes, train, test, domains, decoded, ...found }: DatasetCheck): string {
  const images = (each: { readonly train: number; readonly test: number }): string =>
    `${each.train.toLocaleString("en")} training and ${each.test.toLocaleString("en")} test images`;
  const lines = [
    `${name}: ${classes} classes, ${domains.length === 1 ? "1 domain" : `${domains.length} domains`}, ${images({ train, test })}`,
    ...(domains.length === 1 ? [] : domains.map((domain) => `  ${domain.name}: ${images(domain)}`)),
    `  ${decoded.toLocaleString("en")} of ${(train + test).toLocaleString("en")} images decoded${decoded < train + test ? " (all with --decode)" : ""}`,
    ...found.problems.map((problem) => `  problem: ${problem}`),
  ];
  const more = found.problemCount - found.problems.length;
  if (more > 0) lines.push(`  and ${more} more problems`);
  if (found.problemCount === 0) lines.push("  no problem found");
  return `${lines.join("\n")}\n`;
}

function progress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(done < all ? `\r${done} of ${all} images` : "\r\x1b[K");
}
