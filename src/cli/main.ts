/** @file The `fmlora` command, which bin/fmlora.mjs starts. */
import { failureOf } from "./failures.ts";
import { remark } from "./output.ts";
import { createProgram } from "./program.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe has gone, as `| head` does: nobody is left to tell anything.
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  remark(`fmlora: standard output cannot be written: ${error.message}\n`);
  process.exit(2);
});
// What the work has brought is worth more than what is said beside it.
process.stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
});

// A cell of a grid ends with the process that started it: killed at once, so that another may have its folder.
if (process.env.FMLORA_CELL !== undefined && process.channel !== undefined) {
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

try {
  const args = process.argv.slice(2);
  await (await createProgram(args)).parseAsync(args, { from: "user" });
} catch (error) {
  const { message, exitCode } = failureOf(error);
  if (message !== undefined) remark(`fmlora: ${message}\n`);
  if (process.argv.includes("--debug") && error instanceof Error) remark(`${error.stack}\n`);
  process.exitCode = exitCode;
}
