/** @file What a promise is refused with. */
import { expect } from "vitest";
import { InputError } from "../../src/tensor/errors.ts";

/** The message of the InputError, with the folder as DIR; "opened" if there is none. */
export const refusalIn = (root: string, opened: Promise<unknown>): Promise<string> =>
  opened.then(
    () => "opened",
    (error: Error) => {
      expect(error).toBeInstanceOf(InputError);
      return error.message.replaceAll(root, "DIR");
    },
  );
