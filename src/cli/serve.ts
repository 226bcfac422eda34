/** @file `fmlora serve` */
import { readFileSync } from "node:fs";
import { Command, Option } from "@commander-js/extra-typings";
import type { RunningServer } from "../node/server/index.ts";
import { InputError } from "../tensor/errors.ts";
import { offlineOption } from "./learner-parts.ts";
import { numberFor, wholeAboveZero } from "./numbers.ts";
import { print, remark } from "./output.ts";
import { pluginOption } from "./plugins.ts";

/** In the environment, where no list of processes shows it. */
const TOKEN = "FMLORA_TOKEN";

/** Serves a folder of models over HTTP. @param plugins modules that were named, for the models' processes */
export function serveCommand(plugins: readonly string[]) {
  return new Command("serve")
    .addOption(
      new Option(
        "--models <folder>",
        "folder with a folder for each model; models are made by learning",
      ).makeOptionMandatory(),
    )
    .addOption(new Option("--port <n>", "0: any free one").argParser(portFrom).default(8080))
    .addOption(new Option("--host <address>", "of this machine; others need a token").default("127.0.0.1"))
    .addOption(
      new Option(
        "--token <token>",
        `who has it may ask; repeatable. Better in the environment, as ${TOKEN} (several: with commas), or --token-file`,
      )
        .argParser((token: string, all: string[]) => [...all, token])
        .default([] as string[], "none"),
    )
    .addOption(new Option("--token-file <file>", "tokens, one a line"))
    .addOption(
      new Option("--origin <url>", "other pages' scripts that may ask: https://shop.example; repeatable")
        .argParser((origin: string, all: string[]) => [...all, origin])
        .default([] as string[], "none"),
    )
    .addOption(new Option("--read-only", "models can't be changed"))
    .addOption(new Option("--backbone <name>", "of new models (default: the one that comes along)"))
    .addOption(new Option("--method <name>", "of new models (default: fm-lora)"))
    .addOption(new Option("--threads <n>", "of each model's process").argParser(wholeAboveZero("threads")))
    .addOption(
      new Option("--batch-wait <ms>", "an image waits so long for others to be computed together")
        .argParser(numberFor("batch-wait"))
        .default(2),
    )
    .addOption(
      new Option("--batch-size <n>", "images computed together, at most")
        .argParser(wholeAboveZero("batch-size"))
        .default(32),
    )
    .addOption(
      new Option("--queue <n>", "images that may wait for a model")
        .argParser(wholeAboveZero("queue"))
        .default(1024),
    )
    .addOption(
      new Option("--max-body <MiB>", "of a request").argParser(wholeAboveZero("max-body")).default(128),
    )
    .addOption(
      new Option("--max-images <n>", "of a request to predict")
        .argParser(wholeAboveZero("max-images"))
        .default(256),
    )
    .addOption(
      new Option("--rate <n>", "requests a second of one client (default: no limit)").argParser(
        wholeAboveZero("rate"),
      ),
    )
    .addOption(
      new Option("--jobs <n>", "models that learn at the same time")
        .argParser(wholeAboveZero("jobs"))
        .default(1),
    )
    .addOption(
      new Option("--open-models <n>", "models whose processes stay open")
        .argParser(wholeAboveZero("open-models"))
        .default(4),
    )
    .addOption(
      new Option("--grace <s>", "after Ctrl-C, what is at work has so long to end")
        .argParser(numberFor("grace"))
        .default(60),
    )
    .addOption(offlineOption())
    .addOption(pluginOption("also know the methods and heads"))
    .addHelpText(
      "after",
      "\nCtrl-C or SIGTERM: takes no further requests and ends when those and the jobs at work are done; once more ends at once.",
    )
    .action(async ({ models, maxBody, maxImages, tokenFile, token, origin, plugin: _, offline, ...more }) => {
      const { startServer } = await import("../node/server/index.ts");
      const server = await startServer({
        ...more,
        folder: models,
        tokens: [...token, ...tokensOf(process.env[TOKEN] ?? "", ","), ...tokensIn(tokenFile)],
        origins: origin,
        plugins,
        offline: offline === true,
        bodyBytes: maxBody * 2 ** 20,
        images: maxImages,
        onNotice: (line) => remark(`${line}\n`),
      });
      print(`${server.url}\n`);
      remark(
        `models of ${models}; the page to try them is ${server.url}/, the API is ${server.url}/openapi.json\n`,
      );
      await untilStopped(server);
    });
}

async function untilStopped(server: RunningServer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let signals = 0;
    const stop = (): void => {
      signals++;
      if (signals > 2) process.exit(130);
      if (signals === 2) {
        remark("stopping now; jobs at work are cancelled, their models are as they were\n");
        void server.kill();
        return;
      }
      remark("taking no further requests; ends when what is at work is done, once more ends it now\n");
      server.close().then(resolve, reject);
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
  });
}

const tokensOf = (text: string, separator: string): string[] =>
  text
    .split(separator)
    .map((token) => token.trim())
    .filter((token) => token !== "");

function tokensIn(file: string | undefined): string[] {
  if (file === undefined) return [];
  try {
    const tokens = tokensOf(readFileSync(file, "utf8"), "\n");
    if (tokens.length > 0) return tokens;
  } catch (error) {
    throw new InputError(`--token-file ${file}: ${(error as Error).message}`, { cause: error });
  }
  throw new InputError(`--token-file ${file}: has no tokens; expected one a line`);
}

function portFrom(text: string): number {
  const port = Number(text);
  if (text.trim() !== "" && Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new InputError(`--port ${JSON.stringify(text)}: expected 0 to 65535`);
}
