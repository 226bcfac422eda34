/** @file What the commands of a learner share. */
import { Option } from "@commander-js/extra-typings";
import type { LearnerProgress } from "../learner/index.ts";
import { hubSettings, offline } from "../node/hub/index.ts";
import { downloadListener } from "./downloads.ts";
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

/** Forbids what `asking` tells of. */
export const offlineOption = () =>
  new Option("--offline", "ask no other machine: a backbone of the Hugging Face Hub has to be in its cache");

/** Says whom a learner's opening asks, unless nobody may be asked, and how a download goes. */
export const asking = (model: string, status: StatusLine, isOffline: true | undefined) => ({
  onDownload: downloadListener(status),
  onRequest: (name: string, endpoint: string): void =>
    status.line(
      `${model}: its backbone is ${name} of the Hugging Face Hub; asking ${endpoint} for it (--offline forbids that)`,
    ),
  hub: isOffline === true ? offline(hubSettings()) : undefined,
});
