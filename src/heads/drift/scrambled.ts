/** @file Views of a task's images that show none of its classes: other places at which to see where features go. Ours. */
import type { Images } from "../../data/dataset.ts";
import type { Rng } from "../../tensor/rng.ts";

const CHANNELS = 3;

/**
 * Every image turned, mirrored, with its color channels in another order, or as a negative, each by chance; half of them have
 * half of another image beside them. The network was never trained on these, so they move as images of other classes do, not as
 * what it learns to tell apart.
 * @param images [count, size, size, 3]
 */
export function scrambled({ images, count }: Images, rng: Rng): Images {
  const length = images.length / count;
  const size = Math.sqrt(length / CHANNELS);
  const result = new Uint8Array(images.length);
  for (let image = 0; image < count; image++) {
    const mate = rng.below(count);
    const [negative, mirrored, upsideDown, turned, joined, below] = Array.from(
      { length: 6 },
      () => rng.below(2) === 1,
    );
    const channels = rng.shuffled([0, 1, 2]);
    let at = image * length;
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        const from = joined && (below ? y : x) >= size / 2 ? mate : image;
        const [row, column] = turned ? [x, y] : [y, x];
        const [v, h] = [upsideDown ? size - 1 - row : row, mirrored ? size - 1 - column : column];
        const pixel = from * length + (v * size + h) * CHANNELS;
        for (const channel of channels) {
          const value = images[pixel + channel]!;
          result[at++] = negative ? 255 - value : value;
        }
      }
    }
  }
  return { images: result, count };
}
