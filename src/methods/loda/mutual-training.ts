/** @file Training by halves of the classes: each half's step is taken where a step of the other half would lead. */
import type { Batch } from "../../data/dataset.ts";
import { Rng } from "../../tensor/rng.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { StepPosition } from "../method.ts";
import { TaskTraining, type TaskTrainingOptions } from "../parts/task-training.ts";

/** How far the other half may lead. */
export interface MutualOptions {
  /** Names of the arrays that are led along, each by its own direction. */
  readonly led: readonly string[];
  /** Longest lead (ρ): it is uniform in 0 to ρ. */
  readonly rho: number;
  /** Names the draws. */
  readonly path: readonly (string | number)[];
}

/**
 * A batch's classes in two random halves 1, 2: with W' = W − ρ u g₁ / |g₁| for each array, W moves along the gradient of half 2
 * at W'; then the same with the halves exchanged. A batch of one class takes a plain step.
 */
export class MutualTraining extends TaskTraining {
  readonly #options: MutualOptions;

  constructor(options: TaskTrainingOptions, mutual: MutualOptions) {
    super(options);
    this.#options = mutual;
  }

  override async step(batch: Batch, position: StepPosition): Promise<number> {
    const { rho, path } = this.#options;
    const rng = Rng.at(...path, position.epoch, position.step);
    const classes = rng.shuffled([...new Set(batch.labels.subarray(0, batch.count))].sort((a, b) => a - b));
    if (classes.length < 2 || rho === 0) return super.step(batch, position);
    const half = new Set(classes.slice(0, Math.floor(classes.length / 2)));
    const [first, second] = [true, false].map((which) =>
      imagesOf(batch, (label) => half.has(label) === which),
    ) as [Batch, Batch];
    const lead = rho * rng.uniform();
    const losses = [
      await this.#led(first, second, lead, position),
      await this.#led(second, first, lead, position),
    ] as const;
    return (losses[0] * second.count + losses[1] * first.count) / batch.count;
  }

  /** A step along the gradient of `followers` where `leaders` lead; the loss there. */
  async #led(leaders: Batch, followers: Batch, lead: number, position: StepPosition): Promise<number> {
    const { gradients: towards } = await this.measure(leaders, position);
    const changed = this.#options.led.map((name) => {
      const { dims, data } = this.value(name);
      const direction = towards[name]!;
      const factor = lead / (Math.sqrt(direction.reduce((sum, g) => sum + g * g, 0)) + 1e-12);
      const moved = Float32Array.from(direction, (g, i) => Number(data[i]) - factor * g);
      return [name, tensor("float32", dims, moved)] as const;
    });
    const { loss, gradients } = await this.measure(followers, position, Object.fromEntries(changed));
    this.move(gradients, position);
    return loss;
  }
}

/** The images of some labels. */
function imagesOf({ images, labels, count }: Batch, chosen: (label: number) => boolean): Batch {
  const bytes = images.length / count;
  const rows = Array.from({ length: count }, (_, i) => i).filter((i) => chosen(labels[i]!));
  const own = new Uint8Array(rows.length * bytes);
  for (const [to, from] of rows.entries())
    own.set(images.subarray(from * bytes, (from + 1) * bytes), to * bytes);
  return { images: own, labels: Int32Array.from(rows, (i) => labels[i]!), count: rows.length };
}
