#!/usr/bin/env node
/** @file The `fmlora` command. */
import { failureOf } from "./failures.ts";
import { registryFor } from "./plugins.ts";
import { createProgram } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe has gone, as `| head` does: nobody is left to tell anything.
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
}

try {
  await createProgram(await registryFor(process.argv.slice(2))).parseAsync();
} catch (error) {
  const { message, exitCode } = failureOf(error);
  if (message !== undefined) process.stderr.write(`fmlora: ${message}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = exitCode;
}
