/** @file The one error type that a user is meant to read. */

/**
 * Something the user gave is wrong. `message` is one line: what, where, what was expected, what to do.
 * The command line prints it without a stack and exits with code 2.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}
