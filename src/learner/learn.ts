/** @file One learn: from images to a model that knows them, trained where that pays. */
import type { LabeledFeatures } from "../data/dataset.ts";
import { type Figure, RANK } from "../methods/figures.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { calibrated } from "./calibration.ts";
import { heldOut, type LabeledImages, newExamples } from "./examples.ts";
import type { Memory } from "./memory.ts";
import type { LearnerParts } from "./parts.ts";
import type { LearnedTask } from "./record.ts";
import { checkShare, type Listening, Session } from "./session.ts";
import {
  type Reason,
  reasonText,
  TRAINING_WISHES,
  type TrainingWish,
  trainingPays,
  whetherToTrain,
} from "./training.ts";

/** What to learn. */
export interface LearnRequest {
  /** Images by the name of their class: a known name gets further examples. */
  readonly classes: LabeledImages;
  /** What the images look like, where that is new: "sketch". Kept as the task's name. */
  readonly domain?: string | undefined;
}

/** How to learn. */
export interface LearnOptions extends Listening {
  /** "auto": where held-out images say that it pays. Default: "auto". */
  readonly train?: TrainingWish | undefined;
  /** Passes over the images; default: 4 for the first task that trains, 2 for others. */
  readonly epochs?: number | undefined;
  /** Of each class's images, held out to decide and to measure, and learned in the end; default: 0.2. */
  readonly validationShare?: number | undefined;
}

/** What a learn has done. */
export interface LearnResult {
  /** Names of classes that were new, and of those that got further examples. */
  readonly added: readonly string[];
  readonly updated: readonly string[];
  /** Images that were learned. */
  readonly images: number;
  /** Images that were left out: they were learned before. */
  readonly repeated: number;
  readonly trained: boolean;
  /** Why it trained, or why not. */
  readonly reason: string;
  /** On images that were held out while it trained; null where none were. */
  readonly heldOut: LearnedTask["heldOut"];
}

const FIRST_EPOCHS = 4;
const EPOCHS = 2;
const VALIDATION_SHARE = 0.2;

/**
 * Learns. The model is changed on the way, and has to be loaded again if this fails.
 * @returns what the learner remembers now; nothing where there was nothing new
 */
export async function learnOnce(
  parts: LearnerParts,
  memory: Memory,
  { classes, domain }: LearnRequest,
  options: LearnOptions,
): Promise<{ readonly memory: Memory | undefined; readonly result: LearnResult }> {
  const { model, method, context, platform } = parts;
  const { train = "auto", validationShare = VALIDATION_SHARE } = options;
  checkShare("validationShare", validationShare, 0.5);
  const { epochs } = checkedOptions(options);
  const examples = await newExamples(classes, memory, platform.readPath, options);
  const { positions, classNames, repeated } = examples;
  if (positions.length === 0) {
    const reason = `all ${repeated} images were learned before: nothing is new`;
    const none = { added: [], updated: [], images: 0, trained: false, heldOut: null };
    return { memory: undefined, result: { ...none, repeated, reason } };
  }
  const { record } = memory;
  const index = parts.tasksBefore + record.tasks.length;
  const { learned, held } = heldOut(examples, validationShare, Rng.at(context.seed, "held out", index));
  const session = new Session(parts, examples.images, classNames.length, options);
  const learnedClasses = [...new Set(learned.map(({ label }) => label))].sort((a, b) => a - b);
  const plan = model.learner.plan(learnedClasses);
  const untrainable = model.learner.untrainable?.(learnedClasses);
  const wish = whetherToTrain({ parts, plan, untrainable, train, learned, held, classes: positions.length });

  let ranks: Readonly<Record<string, number>> = {};
  const report = (figures: readonly Figure[]): void => {
    for (const figure of figures) if (figure.kind === "layers" && figure.name === RANK) ranks = figure.values;
  };
  const trained = async (): Promise<void> => {
    const count = epochs ?? (plan === "first" ? FIRST_EPOCHS : EPOCHS);
    await session.train(learned, { index, epochs: count, report });
  };
  const untrained = async (): Promise<void> =>
    model.update(await session.features(learned, "looking"), undefined);
  const onHeld = async () => {
    const features = await session.features(held, "checking");
    return {
      features,
      right: rightRows(features, session.scores(features.features).scores, classNames.length),
    };
  };

  let reason: Reason = wish.reason;
  let check: Awaited<ReturnType<typeof onHeld>>;
  let compared: { untrained: number; trained: number } | undefined;
  if (wish.train === "try") {
    const before = copyOf(model.state());
    await untrained();
    const without = { state: copyOf(model.state()), check: await onHeld() };
    await model.load(before);
    await trained();
    check = await onHeld();
    compared = { untrained: share(without.check.right), trained: share(check.right) };
    reason = trainingPays(without.check.right, check.right) ? "pays" : "does not pay";
    if (reason === "does not pay") {
      await model.load(without.state);
      check = without.check;
      ranks = {};
    }
  } else {
    await (wish.train === "yes" ? trained() : untrained());
    check = await onHeld();
  }
  const isTrained = wish.train === "yes" || reason === "pays";
  const calibration = calibrated(record.calibration, {
    ...session.scores(check.features.features),
    labels: check.features.labels,
    columns: classNames.length,
    width: model.learner.width,
  });
  if (held.length > 0) model.update(check.features, undefined);

  const task: LearnedTask = {
    domain: domain ?? null,
    added: positions.filter((position) => position >= memory.classNames.length),
    updated: positions.filter((position) => position < memory.classNames.length),
    images: examples.samples.length,
    trained: isTrained,
    reason: reasonText(reason, { method: method.name, compared, held: held.length }),
    heldOut:
      held.length === 0
        ? null
        : {
            images: held.length,
            accuracy: share(check.right),
            ...(compared === undefined ? {} : { compared }),
          },
    ranks: { ...ranks },
  };
  const images = classNames.map(
    (_, position) =>
      (record.images[position] ?? 0) + examples.samples.filter(({ label }) => label === position).length,
  );
  const names = (some: readonly number[]): string[] => some.map((position) => classNames[position]!);
  return {
    memory: {
      classNames,
      digests: memory.digests.with(examples.keys),
      record: { ...record, learns: record.learns + 1, images, calibration, tasks: [...record.tasks, task] },
    },
    result: {
      added: names(task.added),
      updated: names(task.updated),
      images: task.images,
      repeated,
      trained: isTrained,
      reason: task.reason,
      heldOut: task.heldOut,
    },
  };
}

/** Which rows are answered right. */
function rightRows({ labels }: LabeledFeatures, scores: Float32Array, columns: number): boolean[] {
  return Array.from(labels, (label, row) => {
    const own = scores.subarray(row * columns, (row + 1) * columns);
    return own.every((score, position) => position === label || score < own[label]!);
  });
}

const share = (right: readonly boolean[]): number => right.filter(Boolean).length / Math.max(right.length, 1);

/** Of its own: a model may go on in the same arrays. */
const copyOf = (state: Readonly<Record<string, Tensor>>): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(state).map(([name, { dtype, dims, data }]) => [name, { dtype, dims, data: data.slice() }]),
  );

function checkedOptions({ epochs, train = "auto" }: LearnOptions): { readonly epochs: number | undefined } {
  if (!TRAINING_WISHES.includes(train)) {
    throw new InputError(`${optionText("train", train)}: expected one of: ${TRAINING_WISHES.join(", ")}`);
  }
  if (epochs === undefined || (Number.isSafeInteger(epochs) && epochs > 0)) return { epochs };
  throw new InputError(`${optionText("epochs", epochs)}: expected a whole number above 0`);
}
