/** @file What the commands of a learner share. */
import { Option } from "@commander-js/extra-typings";
import type { LearnerProgress } from "../learner/index.ts";
import type { StatusLine } from "./progress.ts";

/** The option that every one of them has. */
export const modelOption = (description = "folder of the model") =>
  new Option("--model <folder>", description).makeOptionMandatory();

const PHASES: Readonly<Record<LearnerProgress["phase"], string>> = {
  reading: "reading images",
  looking: "looking at images",
  training: "training",
  checking: "checking on held-out images",
  classifying: "classifying",
};

/** Shows what a learner does on a status line. */
export const learnerProgress =
  (status: StatusLine) =>
  ({ phase, done, total, loss }: LearnerProgress): void => {
    const more = loss === undefined ? "" : `, loss ${loss.toFixed(3)}`;
    status.update(`${PHASES[phase]} ${done}/${total}${more}`, total === 0 ? 1 : done / total);
  };
