/** @file Every reader of what others made, for `npm run fuzz` and the test. */
import type { Target } from "./campaign.ts";
import { FILE_TARGETS } from "./file-targets.ts";
import { TEXT_TARGETS } from "./text-targets.ts";

/** All readers. */
export const TARGETS: readonly Target[] = [...TEXT_TARGETS, ...FILE_TARGETS];

/** The reader of that name. @throws Error if there is none */
export function targetNamed(name: string): Target {
  const found = TARGETS.find((target) => target.name === name);
  if (found === undefined)
    throw new Error(`no reader "${name}"; there are ${TARGETS.map((each) => each.name).join("; ")}`);
  return found;
}
