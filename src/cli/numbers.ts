/** @file Numbers of flags that belong to one command alone. */
import { InputError } from "../tensor/errors.ts";

/** Reads a number. @throws InputError that names the flag */
export const numberFor =
  (flag: string) =>
  (text: string): number => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isNaN(value)) return value;
    throw new InputError(`--${flag} ${JSON.stringify(text)}: expected a number`);
  };

/** Reads a whole number above 0. @throws InputError that names the flag */
export const wholeAboveZero =
  (flag: string) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value > 0) return value;
    throw new InputError(`--${flag} ${JSON.stringify(text)}: expected a whole number above 0`);
  };
