/** @file What the page asks of its learner. */
import { batch } from "@preact/signals";
import type { LearnOptions } from "fm-lora";
import { type Form, findHome, LockedError, type PageLearner, type Parcel } from "./home.ts";
import type { Picture } from "./pictures.ts";
import {
  before,
  type Card,
  cardOf,
  cards,
  chosen,
  complain,
  freshCards,
  home,
  info,
  kept,
  keptCard,
  known,
  losses,
  message,
  nows,
  phase,
  progress,
  result,
  say,
  secondsLeft,
  thens,
} from "./state.ts";
import { keep, loadKept } from "./storage.ts";

/** Of so many new pictures of a class, one is kept aside to check. */
const CHECK_EVERY = 5;
const MOST_CHECKS = 10;
const MOST_FACES = 6;
/** Cards of somebody who has none. */
const FIRST = ["Class 1", "Class 2"];

/** Undefined until it has started. */
let learner: PageLearner | undefined;
let stop = new AbortController();

export const theLearner = (): PageLearner => {
  if (learner === undefined) throw new Error("the learner has not started yet");
  return learner;
};

/** Goes on from what there is, or begins. */
export async function start(): Promise<void> {
  phase.value = "starting";
  try {
    home.value ??= await findHome();
    learner = await home.value.open();
    const { cards: all, before: former, thens: then } = await loadKept(home.value.key());
    batch(() => {
      cards.value = all.map(cardOf);
      before.value = former;
      thens.value = then;
      chosen.value = null;
      message.value = null;
      forgetLast();
    });
    await look();
    phase.value = "ready";
  } catch (error) {
    phase.value = error instanceof LockedError ? "locked" : "failed";
    complain(error);
  }
}

/** What is shown of the last learn. */
function forgetLast(): void {
  result.value = null;
  losses.value = [];
}

/** Asks for what the learner knows, makes cards for classes without one, and checks what is kept aside. */
async function look(): Promise<void> {
  const own = theLearner();
  const found = await own.info();
  const names = Object.keys(found.classes);
  const missing = names.filter((name) => !cards.value.some((card) => card.name === name));
  const checks = Object.fromEntries(
    cards.value
      .filter((card) => names.includes(card.name) && card.checks.length > 0)
      .map((card) => [card.name, card.checks.map(({ blob }) => blob)]),
  );
  const evaluation = Object.keys(checks).length === 0 ? { classes: {} } : await own.evaluate(checks);
  batch(() => {
    info.value = found;
    nows.value = evaluation.classes;
    const empty = { fresh: [], faces: [], checks: [] };
    if (missing.length > 0) {
      cards.value = [...cards.value, ...missing.map((name) => cardOf({ name, ...empty }))];
    } else if (cards.value.length === 0) {
      cards.value = FIRST.map((name) => cardOf({ name, ...empty }));
      chosen.value = cards.value[0]!.id; // so that the camera's button works at once
    }
  });
}

/** Does something that nothing else may happen beside. */
async function working(work: () => Promise<void>): Promise<void> {
  if (phase.value !== "ready") return;
  phase.value = "working";
  message.value = null; // of what was before
  try {
    await work();
  } catch (error) {
    complain(stop.signal.aborted ? "Stopped. The model is as it was." : error);
  } finally {
    phase.value = "ready";
    progress.value = null;
    secondsLeft.value = null;
  }
}

/** Learns all new pictures but those that are kept aside. */
export const learn = (train: NonNullable<LearnOptions["train"]>): Promise<void> =>
  working(async () => {
    stop = new AbortController();
    const former = cards.value.map(keptCard);
    const parted = new Map(freshCards.value.map((card) => [card.id, part(card)] as const));
    const classes = Object.fromEntries(
      freshCards.value.map(({ id, name }) => [name, parted.get(id)!.learned.map(({ blob }) => blob)]),
    );
    batch(forgetLast);
    /** When the phase first told how far it is, and how far that was. */
    let began = { at: 0, share: 0 };
    const own = theLearner();
    const done = await own.learn(
      { classes },
      {
        train,
        signal: stop.signal,
        onProgress(now) {
          batch(() => {
            const share = now.done / now.total;
            if (now.phase !== progress.value?.phase) began = { at: performance.now(), share };
            const gained = share - began.share;
            const seconds = (performance.now() - began.at) / 1000;
            secondsLeft.value =
              now.phase === "training" && gained > 0 ? (seconds / gained) * (1 - share) : null;
            progress.value = now;
            if (now.loss !== undefined) losses.value = [...losses.value, now.loss];
          });
        },
      },
    );
    await own.save();
    batch(() => {
      result.value = done;
      before.value = former;
      cards.value = cards.value.map((card) => ({ ...card, ...taken(card, parted.get(card.id)) }));
    });
    await look();
    const { classes: checked } = { classes: nows.value };
    thens.value = [...thens.value, shareOf([...done.added, ...done.updated], checked)];
    await keep(kept());
    say(`${done.images} pictures learned. ${sentence(done.reason)}`);
  });

/** Right among the check pictures of some classes; null where there are none. */
export function shareOf(names: readonly string[], checked: typeof nows.value): number | null {
  const own = names.flatMap((name) => checked[name] ?? []);
  const images = own.reduce((sum, each) => sum + each.images, 0);
  return images === 0 ? null : own.reduce((sum, each) => sum + each.images * each.accuracy, 0) / images;
}

function part({ fresh, checks }: Card): {
  readonly learned: readonly Picture[];
  readonly aside: readonly Picture[];
} {
  const room = MOST_CHECKS - checks.length;
  const aside = fresh.filter((_, i) => i % CHECK_EVERY === CHECK_EVERY - 1).slice(0, Math.max(0, room));
  return { learned: fresh.filter((picture) => !aside.includes(picture)), aside };
}

function taken(card: Card, parted: ReturnType<typeof part> | undefined): Partial<Card> {
  if (parted === undefined) return {};
  const faces = [...parted.learned, ...card.faces].slice(0, MOST_FACES);
  return { fresh: [], faces, checks: [...card.checks, ...parted.aside] };
}

export const cancel = (): void => stop.abort();

/** Takes the last learn back; its pictures are new again. */
export const undo = (): Promise<void> =>
  working(async () => {
    const own = theLearner();
    await own.undo();
    await own.save();
    batch(() => {
      if (before.value !== null) cards.value = before.value.map(cardOf);
      before.value = null;
      thens.value = thens.value.slice(0, -1);
      result.value = null;
    });
    await look();
    await keep(kept());
    say("The last learn is taken back.");
  });

export const rename = (card: Card, name: string): Promise<void> =>
  working(async () => {
    const wanted = name.trim();
    if (wanted === "" || wanted === card.name) return;
    if (cards.value.some((each) => each.name === wanted))
      throw new Error(`there is a class "${wanted}" already`);
    const own = theLearner();
    if (known.value.has(card.name)) {
      await own.renameClass(card.name, wanted);
      await own.save();
    }
    batch(() => {
      cards.value = cards.value.map((each) => (each.id === card.id ? { ...each, name: wanted } : each));
      before.value =
        before.value?.map((each) => (each.name === card.name ? { ...each, name: wanted } : each)) ?? null;
    });
    await look();
    await keep(kept());
  });

/** Takes a class out of the page, and out of the model's answers if it was learned. */
export const remove = (card: Card): Promise<void> =>
  working(async () => {
    const own = theLearner();
    const learned = known.value.has(card.name);
    if (learned) {
      await own.removeClass(card.name);
      await own.save();
      before.value = null;
    }
    cards.value = cards.value.filter(({ id }) => id !== card.id);
    await look();
    await keep(kept());
    say(
      learned
        ? `${card.name} is no answer any more. What it has changed in the network stays.`
        : `${card.name} is gone.`,
    );
  });

/** The model in a form to take home; undefined, and said why, where that can't be. */
export async function take(form: Form, dropPrompts: boolean): Promise<Parcel | undefined> {
  let parcel: Parcel | undefined;
  await working(async () => {
    say("One moment: it is being packed.");
    parcel = await theLearner().take(form, dropPrompts);
    say(`${parcel.name} is yours.`);
  });
  return parcel;
}

/** Puts a model from a file, or a new one, in the place of this browser's. @param network on the Hub, of a new one */
export const replace = (file: Blob | null, network?: string): Promise<void> =>
  working(async () => {
    learner = await home.value!.replace!(theLearner(), file, network);
    batch(() => {
      cards.value = [];
      before.value = null;
      thens.value = [];
      forgetLast();
    });
    await look();
    await keep(kept());
    say(
      file === null
        ? "Everything is forgotten."
        : `The model knows ${Object.keys(info.value!.classes).join(", ")}.`,
    );
  });

export const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;
