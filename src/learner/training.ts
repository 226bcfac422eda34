/** @file Whether a task trains the network, or only the heads take it in: what is asked, what is possible, what pays. */
import type { Sample } from "../data/dataset.ts";
import type { Learner } from "../methods/method.ts";
import { percent } from "../report/format.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { LearnerParts } from "./parts.ts";

/** Images a class, in the mean, below which training is not even tried: docs/learner.md has what was measured. */
const LEAST_IMAGES = 16;

/** Whether to train: "auto" where held-out images say that it pays. */
export const TRAINING_WISHES = ["auto", "always", "never"] as const;

/** One of `TRAINING_WISHES`. */
export type TrainingWish = (typeof TRAINING_WISHES)[number];

/** Why a task trained, or why not. */
export type Reason =
  | "asked to"
  | "asked not to"
  | "never trains"
  | "one class"
  | "no more"
  | "only trained"
  | "few images"
  | "none held out"
  | "to be tried"
  | "pays"
  | "does not pay";

/** What is to be done, and why. */
export interface Wish {
  readonly train: "yes" | "no" | "try";
  readonly reason: Reason;
}

/** @throws InputError where what is asked can't be done */
export function whetherToTrain({
  parts: { heads, method },
  plan,
  untrainable,
  train,
  learned,
  held,
  classes,
}: {
  readonly parts: Pick<LearnerParts, "heads" | "method">;
  readonly plan: ReturnType<Learner["plan"]>;
  /** `Learner.untrainable` of the task. */
  readonly untrainable: string | undefined;
  readonly train: TrainingWish;
  readonly learned: readonly Sample[];
  readonly held: readonly Sample[];
  /** With new images. */
  readonly classes: number;
}): Wish {
  const [head] = heads;
  const onlyTrained = head!.needs.includes("own classifier");
  if (plan === "none") {
    if (onlyTrained) {
      const why =
        untrainable === undefined
          ? `the method ${method.name} trains nothing more; choose another`
          : "one class alone trains nothing; learn two or more at once";
      throw new InputError(`the head ${head!.name} learns by training alone, and ${why}`);
    }
    if (untrainable !== undefined) return { train: "no", reason: "one class" };
    return { train: "no", reason: method.traits.trains === "never" ? "never trains" : "no more" };
  }
  if (train === "always") return { train: "yes", reason: "asked to" };
  if (onlyTrained) {
    if (train === "auto") return { train: "yes", reason: "only trained" };
    throw new InputError(
      `${optionText("train", train)}: the head ${head!.name} learns by training alone; choose "auto" or "always"`,
    );
  }
  if (train === "never") return { train: "no", reason: "asked not to" };
  if (held.length === 0) return { train: "no", reason: "none held out" };
  if ((learned.length + held.length) / classes < LEAST_IMAGES) return { train: "no", reason: "few images" };
  return { train: "try", reason: "to be tried" };
}

/**
 * Whether training pays: of the held-out images that only one of both models answers right, the trained one has more,
 * and by more than chance alone would leave (McNemar: the difference of two counts of n coins has the deviation √n).
 */
export function trainingPays(untrained: readonly boolean[], trained: readonly boolean[]): boolean {
  const gained = trained.filter((right, i) => right && !untrained[i]).length;
  const lost = untrained.filter((right, i) => right && !trained[i]).length;
  return gained - lost > Math.sqrt(gained + lost);
}

/** A sentence. */
export function reasonText(
  reason: Reason,
  {
    method,
    compared,
    held,
  }: {
    readonly method: string;
    /** Accuracy on held-out images. */
    readonly compared: { readonly untrained: number; readonly trained: number } | undefined;
    readonly held: number;
  },
): string {
  const both =
    compared === undefined
      ? ""
      : `: ${percent(compared.trained)} % of ${held} held-out images after it, ${percent(compared.untrained)} % without`;
  const texts: Readonly<Record<Reason, string>> = {
    "asked to": "training was asked for",
    "asked not to": "no training was asked for",
    "never trains": `the method ${method} trains nothing`,
    "one class": "one class alone trains nothing",
    "no more": `the method ${method} trains its first task alone`,
    "only trained": "its head learns by training alone",
    "few images": `fewer than ${LEAST_IMAGES} images a class: training was not tried`,
    "none held out": "no images are held out to see whether training pays",
    "to be tried": "training was tried",
    pays: `training pays${both}`,
    "does not pay": `training does not pay${both}`,
  };
  return texts[reason];
}
