/** @file The one error type that a user is meant to read, and how it names options. */

/**
 * Something the user gave is wrong. `message` is one line: what, where, what was expected, what to do.
 * The command line prints it without a stack and exits with code 2.
 */
export class InputError extends Error {
  override readonly name = "InputError";
}

/**
 * An option in a message, as a program writes it, in backticks: `coreRate`, `evaluateOn: "validation"`. The command
 * line shows it as it is typed: --core-rate, --evaluate-on validation.
 */
export function optionText(name: string, value?: unknown): string {
  if (value === undefined) return `\`${name}\``;
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return `\`${name}: ${text.replaceAll("`", "\\u0060")}\``;
}
