/** @file The class order that published class-incremental results use: NumPy's legacy shuffle of the labels. */
import { mersenne } from "pure-rand/generator/mersenne";
import { InputError, optionText } from "../tensor/errors.ts";

/** The seed whose class order most published class-incremental results share. */
export const DEFAULT_ORDER_SEED = 1993;

/**
 * The labels 0..count-1 in the order of NumPy's `RandomState(seed).permutation(count)`; as they are for a null seed.
 * @throws InputError if the seed is not one that NumPy takes.
 */
export function classOrder(count: number, seed: number | null): number[] {
  const order = Array.from({ length: count }, (_, label) => label);
  if (seed === null) return order;
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new InputError(`${optionText("orderSeed", seed)}: expected a whole number from 0 to 4294967295`);
  }
  // pure-rand fills MT19937's state as init_genrand does, which is what RandomState does with an integer.
  const generator = mersenne(seed);
  for (let last = count - 1; last > 0; last--) {
    // Masked rejection (`legacy random_interval`): the low bits that can hold `last`, drawn until they do not exceed it.
    const mask = 0xffffffff >>> Math.clz32(last);
    let chosen = (generator.next() & mask) >>> 0;
    while (chosen > last) chosen = (generator.next() & mask) >>> 0;
    [order[last], order[chosen]] = [order[chosen]!, order[last]!];
  }
  return order;
}
