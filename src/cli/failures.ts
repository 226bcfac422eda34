/** @file Errors as one line, and their exit codes: 2 for what the user can mend, 1 for the rest, 130 for Ctrl-C. */
import { CommanderError } from "@commander-js/extra-typings";
import type * as z from "zod";
import { flagOf } from "../run/flag.ts";
import { InputError } from "../tensor/errors.ts";
import { asTyped } from "./flags.ts";

/** The user stopped a run. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** Cells of a grid failed. */
export class GridFailedError extends Error {
  override readonly name = "GridFailedError";
  /** Another try would fail in the same way. */
  readonly final: boolean;

  constructor(message: string, { final = false } = {}) {
    super(message);
    this.final = final;
  }
}

/** What an error tells the user. */
export interface Failure {
  /** One line; undefined where there is nothing to say. */
  readonly message: string | undefined;
  readonly exitCode: number;
}

/** The line and the exit code of anything thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof StoppedError) return { message: error.message, exitCode: 130 };
  if (error instanceof GridFailedError)
    return { message: oneLine(error.message), exitCode: error.final ? 2 : 1 };
  if (isInputError(error)) return { message: asTyped(oneLine(error.message)), exitCode: 2 };
  if (error instanceof CommanderError) return commanderFailure(error);
  if (isZodError(error)) {
    const [issue] = error.issues;
    const where = issue!.path.length === 0 ? "" : `--${flagOf(issue!.path.join("."))}: `;
    return { message: oneLine(where + issue!.message), exitCode: 2 };
  }
  const text = error instanceof Error ? error.message : String(error);
  return { message: `${oneLine(text)} (--debug shows where)`, exitCode: 1 };
}

/** By name, too: a plugin may bring another copy of this package. */
const isInputError = (error: unknown): error is Error =>
  error instanceof InputError || (error instanceof Error && error.name === "InputError");

/** By name: loading zod to look at an error takes longer than most answers. */
const isZodError = (error: unknown): error is z.ZodError =>
  error instanceof Error && error.name === "ZodError";

function commanderFailure({ message, exitCode, code }: CommanderError): Failure {
  // Help and version were asked for and are printed; without a command the help is printed as an answer, too.
  if (exitCode === 0) return { message: undefined, exitCode: 0 };
  if (code === "commander.help") return { message: undefined, exitCode: 2 };
  return {
    message: oneLine(message.replace(/^error: /, "")).replace("(Did you mean", "(did you mean"),
    exitCode: 2,
  };
}

const oneLine = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, " ");
