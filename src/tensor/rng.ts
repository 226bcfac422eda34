/** @file Seeded random numbers: an argument everywhere, never ambient. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { fnv1a } from "./hash.ts";

/** A stream of random numbers (xoroshiro128+). */
export class Rng {
  readonly #generator: RandomGenerator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
  }

  /**
   * A stream that depends on every part of `path` and on nothing else, for example
   * `Rng.at(seed, "task", 3, "epoch", 1)`. A resumed run asks for the same path and draws the same
   * numbers, so no generator state has to be saved.
   */
  static at(...path: readonly (string | number)[]): Rng {
    return new Rng(fnv1a(Array.from(path.join("/"), (character) => character.codePointAt(0)!)));
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** Uniform integer in [0, limit). */
  below(limit: number): number {
    return uniformInt(this.#generator, 0, limit - 1);
  }

  /** Standard normal (Box-Muller; one of the pair is dropped). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Standard Gumbel: -log(-log u). */
  gumbel(): number {
    return -Math.log(-Math.log(1 - this.uniform() || Number.MIN_VALUE) || Number.MIN_VALUE);
  }

  /** A shuffled copy (Fisher-Yates). */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }
}
