/** @file `fmlora data ...` in this process: what it prints, and how it ends. */
import { vi } from "vitest";
import { failureOf } from "../../../src/cli/failures.ts";
import { createProgram } from "../../../src/cli/program.ts";

/** Standard output, then the line and the exit code of an error. */
export async function data(...args: string[]): Promise<string> {
  let output = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += text;
    return true;
  });
  try {
    const typed = ["data", ...args];
    await (await createProgram(typed)).parseAsync(typed, { from: "user" });
  } catch (error) {
    const { message, exitCode } = failureOf(error);
    output += `fmlora: ${message} [${exitCode}]`;
  } finally {
    write.mockRestore();
  }
  return output;
}
