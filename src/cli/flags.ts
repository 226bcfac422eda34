/** @file Options as a user types them. */
import { flagOf } from "../run/flag.ts";

/** An option in a message, as `optionText` writes it: its name, and its value as JSON. */
const OPTION = /`([a-z][\w-]*)(?:: ([^`]+))?`/g;

/**
 * A message with its options as they are typed:
 * `coreRate` -> --core-rate, `prompts: false` -> --no-prompts, `evaluateOn: "validation"` -> --evaluate-on validation.
 */
export const asTyped = (message: string): string =>
  message.replaceAll(OPTION, (_, name: string, value?: string) => typed(flagOf(name), value));

function typed(flag: string, text: string | undefined): string {
  if (text === undefined || text === "true") return `--${flag}`;
  if (text === "false") return `--no-${flag}`;
  return `--${flag} ${typedValue(text)}`;
}

/** A value as the shell takes it; lists are separated by commas. */
function typedValue(text: string): string {
  const value = parsed(text);
  if (Array.isArray(value)) return quoted(value.join(","));
  return typeof value === "string" ? quoted(value) : text;
}

/** Text that is no JSON, as NaN, stays text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const quoted = (text: string): string => (/^[\w.,:/@%+-]+$/.test(text) ? text : JSON.stringify(text));
