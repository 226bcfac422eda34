/** @file What the page knows, as signals. */
import { computed, signal } from "@preact/signals";
import type { LearnerInfo, LearnerProgress, LearnResult } from "fm-lora";
import type { Home } from "./home.ts";
import { type Picture, pictureOf } from "./pictures.ts";
import type { Kept, KeptCard } from "./storage.ts";

/** A class on the page. */
export interface Card {
  readonly id: number;
  readonly name: string;
  readonly fresh: readonly Picture[];
  readonly faces: readonly Picture[];
  readonly checks: readonly Picture[];
}

/** What the learner is doing. */
export type Phase = "starting" | "ready" | "working" | "failed" | "locked";

export const phase = signal<Phase>("starting");
/** Where the learner is; null until that is known. */
export const home = signal<Home | null>(null);
/** Bytes of the backbone. */
export const download = signal<{ readonly received: number; readonly total: number | undefined } | null>(
  null,
);
export const cards = signal<readonly Card[]>([]);
/** The card that pasted pictures and the space bar go to. */
export const chosen = signal<number | null>(null);
export const before = signal<readonly KeptCard[] | null>(null);
export const thens = signal<readonly (number | null)[]>([]);
export const info = signal<LearnerInfo | null>(null);
/** Share of check pictures that are right now, by class. */
export const nows = signal<Readonly<Record<string, { readonly images: number; readonly accuracy: number }>>>(
  {},
);
export const progress = signal<LearnerProgress | null>(null);
/** Of every step of the learn at work, or of the last one. */
export const losses = signal<readonly number[]>([]);
/** Seconds of the training that are left, once that can be told. */
export const secondsLeft = signal<number | null>(null);
export const result = signal<LearnResult | null>(null);
/** One line for the user, read out by screen readers. */
export const message = signal<{ readonly text: string; readonly bad: boolean } | null>(null);

export const known = computed<ReadonlySet<string>>(() => new Set(Object.keys(info.value?.classes ?? {})));
export const freshCards = computed(() => cards.value.filter(({ fresh }) => fresh.length > 0));

let nextId = 0;

export const cardOf = ({ name, fresh, faces, checks }: KeptCard): Card => ({
  id: nextId++,
  name,
  fresh: fresh.map(pictureOf),
  faces: faces.map(pictureOf),
  checks: checks.map(pictureOf),
});

const blobs = (pictures: readonly Picture[]): Blob[] => pictures.map(({ blob }) => blob);

export const keptCard = ({ name, fresh, faces, checks }: Card): KeptCard => ({
  name,
  fresh: blobs(fresh),
  faces: blobs(faces),
  checks: blobs(checks),
});

/** All that is kept beside the model. */
export const kept = (): Kept => ({
  cards: cards.value.map(keptCard),
  before: before.value,
  thens: thens.value,
});

/** How long good news stay. */
const GOOD_MS = 10_000;

/** Good news, which go by themselves. */
export function say(text: string): void {
  const own = { text, bad: false };
  message.value = own;
  setTimeout(() => {
    if (message.value === own) message.value = null;
  }, GOOD_MS);
}

export const complain = (error: unknown): void => {
  message.value = { text: error instanceof Error ? error.message : String(error), bad: true };
};
