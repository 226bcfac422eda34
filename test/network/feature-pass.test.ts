import fc from "fast-check";
import { expect, test } from "vitest";
import type { Batch } from "../../src/data/dataset.ts";
import type { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { observePass } from "../../src/network/feature-pass.ts";

/** A network that sees nothing: the pass alone is looked at. */
const blind = {
  observe: (batch: Batch) =>
    Promise.resolve({ features: new Float32Array(batch.count), moments: {}, tokens: {} }),
} as unknown as AdaptedNetwork;

/** Images of one byte, class after class, as a pass over a task comes. */
async function* byClass(classes: number, perClass: number, batchSize: number): AsyncGenerator<Batch> {
  const labels = Array.from({ length: classes * perClass }, (_, i) => Math.floor(i / perClass));
  for (let start = 0; start < labels.length; start += batchSize) {
    const own = labels.slice(start, start + batchSize);
    yield { images: Uint8Array.from(own), labels: Int32Array.from(own), count: own.length };
  }
}

test("the excerpt holds every class alike, however many images there are", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 70 }),
      fc.integer({ min: 12, max: 140 }),
      async (classes, perClass, size) => {
        const of = classes * perClass;
        const { excerpt } = await observePass(byClass(classes, perClass, 16), blind, {}, { size, of });
        expect(excerpt.count).toBe(Math.min(size, of));
        expect([...excerpt.images]).toEqual([...excerpt.labels]);
        const counts = Array.from(
          { length: classes },
          (_, c) => excerpt.labels.filter((label) => label === c).length,
        );
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      },
    ),
  );
});
