/** @file What the page keeps beside the model: pictures that are not learned yet, a few of those that are, and notes. */
import { get, set } from "idb-keyval";

/** A class as it is kept. */
export interface KeptCard {
  readonly name: string;
  /** Pictures to be learned. */
  readonly fresh: readonly Blob[];
  /** A few that were learned, to be looked at. */
  readonly faces: readonly Blob[];
  /** Pictures that are never learned: how well the model still knows the class. */
  readonly checks: readonly Blob[];
}

/** Everything. */
export interface Kept {
  readonly cards: readonly KeptCard[];
  /** Cards before the last learn, for undo. */
  readonly before: readonly KeptCard[] | null;
  /** By task: the share of its classes' check pictures that were right after it; null where there were none. */
  readonly thens: readonly (number | null)[];
}

let key = "";
let waiting: ReturnType<typeof setTimeout> | undefined;
const NOTHING: Kept = { cards: [], before: null, thens: [] };
const DELAY_MS = 300;

/** What is kept under a name; whatever is kept from now on has it, too. */
export async function loadKept(name: string): Promise<Kept> {
  clearTimeout(waiting);
  key = name;
  return (await get<Kept>(key)) ?? NOTHING;
}

/** Soon, once for many changes. @param onError hears of a browser without room */
export function keepSoon(kept: () => Kept, onError: (error: unknown) => void): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => void keep(kept()).catch(onError), DELAY_MS);
}

/** At once. @throws Error in one line for a browser without room */
export async function keep(kept: Kept): Promise<void> {
  clearTimeout(waiting);
  try {
    await set(key, kept);
  } catch (error) {
    if ((error as DOMException).name !== "QuotaExceededError") throw error;
    throw new Error("the browser has no room left to keep the pictures: free some, and show them again", {
      cause: error,
    });
  }
}
