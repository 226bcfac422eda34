/** @file The core updates of all sites in one task, as its training sees them. */
import type { Parameter } from "../../optim/optimizer.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import type { StepPosition } from "../method.ts";
import type { Reparameterization } from "../parts/task-training.ts";
import type { CoreUpdate } from "./core-update.ts";

/** What the gates' draws depend on, besides the step. */
export interface DrawPath {
  readonly seed: number;
  readonly task: number;
}

/** Trains N, M and gate of every site through the cores that the graph is fed. */
export class CoreUpdates implements Reparameterization {
  readonly bySite: ReadonlyMap<string, CoreUpdate>;
  readonly #draws: DrawPath;

  constructor(bySite: ReadonlyMap<string, CoreUpdate>, draws: DrawPath) {
    this.bySite = bySite;
    this.#draws = draws;
  }

  /** The arrays that move. */
  get parameters(): Parameter[] {
    return [...this.bySite.values()].flatMap((update) => update.parameters);
  }

  /** The rank that each site's gate prefers now. */
  get ranks(): Record<string, number> {
    return Object.fromEntries([...this.bySite].map(([site, update]) => [site, update.rank]));
  }

  get wanted(): string[] {
    return [...this.bySite.keys()].map((site) => `${site}.core`);
  }

  /** Cores with fresh draws of the gates, which harden from temperature 2 to 0.5 over the task. */
  feeds({ epoch, step, progress }: StepPosition): Tensors {
    const temperature = 2 - 1.5 * progress;
    const rng = Rng.at(this.#draws.seed, "gate", this.#draws.task, epoch, step);
    return Object.fromEntries(
      [...this.bySite].map(([site, update]) => [`${site}.core`, update.sample(temperature, rng)]),
    );
  }

  pullBack(gradients: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
    const bySite = [...this.bySite].map(([site, update]) => update.pullBack(gradients[`${site}.core`]!));
    return Object.assign({}, ...bySite);
  }
}
