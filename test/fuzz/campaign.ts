/** @file Many inputs for one reader: each must be read, or refused with an InputError, soon and in little memory. */
import fc from "fast-check";
import { InputError } from "../../src/tensor/errors.ts";
import { type Damage, damaged, damages } from "./mutations.ts";

/** A reader of files or of texts that others made. */
export interface Target {
  readonly name: string;
  /** Sound inputs. */
  readonly sounds: () => Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** Reads all that an input has. @throws InputError if it is refused; everything else is a fault */
  readonly read: (bytes: Uint8Array) => Promise<void> | void;
}

/** What one input may take. */
export interface Limits {
  /** Of processor time. */
  readonly seconds: number;
  /** Bytes beyond what the process has had by then. */
  readonly memory: number;
}

/** Of every reader. */
const LIMITS: Limits = { seconds: 2, memory: 2 ** 30 };

/** What some inputs have shown. */
export interface Outcome {
  readonly target: string;
  /** fast-check's: the same seed and number give the same inputs. */
  readonly seed: number;
  readonly tried: number;
  /** Inputs that were read, or refused with an InputError, and how many of them were refused. */
  readonly refused: number;
  readonly slow: number;
  readonly large: number;
  /** What was thrown instead, with what was done to the input. */
  readonly uncaught: readonly { readonly error: string; readonly damage: Damage; readonly path: string }[];
}

const sounds = new Map<string, readonly Uint8Array[]>();

/** Tries `runs` inputs; ends at the first that is not caught. */
export async function campaign(
  target: Target,
  seed: number,
  runs: number,
  limits: Limits = LIMITS,
): Promise<Outcome> {
  const known = sounds.get(target.name) ?? (await target.sounds());
  sounds.set(target.name, known);
  const counts = { tried: 0, refused: 0, slow: 0, large: 0 };
  const one = async (damage: Damage): Promise<void> => {
    const bytes = damaged(known, damage);
    const before = { peak: process.resourceUsage().maxRSS, cpu: process.cpuUsage() };
    counts.tried++;
    try {
      await target.read(bytes);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      counts.refused++;
    } finally {
      const { user, system } = process.cpuUsage(before.cpu);
      if (user + system > limits.seconds * 1e6) counts.slow++;
      if ((process.resourceUsage().maxRSS - before.peak) * 1024 > limits.memory) counts.large++;
    }
  };
  const found = await fc.check(fc.asyncProperty(damages(known.length), one), {
    seed,
    numRuns: runs,
    endOnFailure: true,
  });
  const uncaught = found.failed
    ? [
        {
          error: described(found.errorInstance),
          damage: found.counterexample![0],
          path: found.counterexamplePath!,
        },
      ]
    : [];
  return { target: target.name, seed, ...counts, uncaught };
}

const described = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
