/** @file Errors between a page and its worker, which lose their class on the way. */
import { InputError } from "../tensor/errors.ts";
import type { SentError } from "./messages.ts";

/** As a message carries it. */
export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined, isInput: false };
  return { message: error.message, stack: error.stack, isInput: error instanceof InputError };
}

/** The error again. */
export function errorFrom({ message, stack, isInput }: SentError): Error {
  if (isInput) return new InputError(message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack; // the other side's tells more
  return error;
}
