/** @file `fmlora data check` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import type { Dataset } from "../data/dataset.ts";
import { problemsOf } from "../data/problems.ts";
import { checkDataset, type DatasetCheck } from "../node/benchmarks/check.ts";
import { printable } from "../report/format.ts";
import type { Benchmark, OpenOptions } from "../run/benchmark.ts";
import { byName, type Registry } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { print } from "./output.ts";
import { benchmarkSettings, flagsOfAll, refuseOthers } from "./owners.ts";
import { pluginOption } from "./plugins.ts";
import { given } from "./settings.ts";

/** Problems that are printed; all are counted. */
const LISTED = 100;

/** Opens a benchmark's data, counts, and says what is wrong with it. */
export function checkCommand(registry: Registry) {
  const { benchmarks } = registry;
  const command = new Command("check")
    .description("say in seconds what is in a benchmark's folder, and what is wrong with it")
    .addArgument(new Argument("<benchmark>", `one of: ${benchmarks.map(({ name }) => name).join(", ")}`))
    .addOption(new Option("--data <folder>", "folder with the benchmark's images"))
    .addOption(new Option("--decode", "decode every image, not only one of each class and domain"))
    .addOption(pluginOption("also know the benchmarks"))
    .option("--debug", "show where an error comes from")
    .addHelpText("after", "\nA benchmark's own options (fmlora data lists them) are taken, too.")
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const own = benchmarks.map(benchmarkSettings);
  command.action((name, options) => {
    const typed = command.opts();
    const benchmark = byName(registry, "benchmarks", name);
    const { settings, owner } = benchmarkSettings(benchmark);
    refuseOthers([{ settings, owner }], own, typed);
    return check(benchmark, { ...options, options: given(settings, typed) });
  });
  for (const option of flagsOfAll(own)) command.addOption(option);
  return command;
}

interface CheckArguments {
  readonly data?: string | undefined;
  readonly decode?: true | undefined;
  /** The benchmark's own. */
  readonly options: Readonly<Record<string, unknown>>;
}

async function check(benchmark: Benchmark, { data, decode, options }: CheckArguments): Promise<void> {
  const where = data ?? benchmark.name;
  const dataset = await openChecked(benchmark, { data, options }, where);
  const result = await checkDataset(dataset, { decode, onProgress: progress });
  print(report(result));
  if (result.problems.length > 0) throw summary(where, result.problems);
}

/** The data set; what hinders opening it is listed. @throws InputError that counts the problems */
async function openChecked(benchmark: Benchmark, options: OpenOptions, where: string): Promise<Dataset> {
  try {
    return await benchmark.open(options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const problems = problemsOf(error);
    if (problems.length === 1) throw error;
    print(`${benchmark.name}: can't be opened\n${problemLines(problems)}`);
    throw summary(where, problems);
  }
}

function summary(where: string, problems: readonly string[]): InputError {
  const all = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new InputError(`${where}: ${all}; the first: ${problems[0]}`);
}

/** The counts, and the problems a line each. */
function report({ name, classes, train, test, domains, decoded, notes, problems }: DatasetCheck): string {
  const images = (each: { readonly train: number; readonly test: number }): string =>
    `${each.train.toLocaleString("en")} training and ${each.test.toLocaleString("en")} test images`;
  const lines = [
    `${name}: ${classes} classes, ${domains.length === 1 ? "1 domain" : `${domains.length} domains`}, ${images({ train, test })}`,
    ...(domains.length === 1 ? [] : domains.map((domain) => `  ${domain.name}: ${images(domain)}`)),
    `  ${decoded.toLocaleString("en")} of ${(train + test).toLocaleString("en")} images decoded${decoded < train + test ? " (all with --decode)" : ""}`,
    ...notes.map((note) => `  note: ${note}`),
    ...(problems.length === 0 ? ["  no problem found"] : []),
  ];
  return `${lines.map(printable).join("\n")}\n${problemLines(problems)}`;
}

function problemLines(problems: readonly string[]): string {
  const lines = problems.slice(0, LISTED).map((problem) => `  problem: ${printable(problem)}\n`);
  const more = problems.length - LISTED;
  if (more > 0) lines.push(`  and ${more} more problems\n`);
  return lines.join("");
}

function progress(done: number, all: number): void {
  if (process.stderr.isTTY) process.stderr.write(done < all ? `\r${done} of ${all} images` : "\r\x1b[K");
}
