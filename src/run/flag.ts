/** @file Options as people write them. Without zod: every command has it, one that only prints its help, too. */

/** An option's name where people write it, on the command line or in a file: "firstEpochs" -> "first-epochs" */
export const flagOf = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
