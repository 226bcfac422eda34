#!/usr/bin/env node
/** @file The `fmlora` command. */
import { failureOf } from "./failures.ts";
import { createProgram } from "./program.ts";

for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // The reader of a pipe has gone, as `| head` does: nobody is left to tell anything.
    if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
    throw error;
  });
}

// A cell of a grid ends with the process that started it: killed at once, so that another may have its folder.
if (process.env.FMLORA_CELL !== undefined && process.channel !== undefined) {
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

try {
  await createProgram().parseAsync();
} catch (error) {
  const { message, exitCode } = failureOf(error);
  if (message !== undefined) process.stderr.write(`fmlora: ${message}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = exitCode;
}
