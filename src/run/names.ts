/** @file Names that a user may have mistyped. */
import { closestMatch } from "leven";

/** Mistakes that are still taken for a name: one for every three letters. */
const LETTERS_PER_MISTAKE = 3;

/** " (did you mean fm-lora?)", or "" where no candidate is near. Capitals and dashes don't count. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const plain = new Map(candidates.map((candidate) => [plainly(candidate), candidate]));
  const wanted = plainly(name);
  const maxDistance = Math.floor(wanted.length / LETTERS_PER_MISTAKE);
  const found = plain.get(closestMatch(wanted, [...plain.keys()], { maxDistance }) ?? "");
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

const plainly = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
