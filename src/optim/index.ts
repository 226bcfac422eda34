/** @file The optimizers and schedules a run can choose from, by name. */
import { adamw, type Optimizer, sgd } from "./optimizer.ts";
import { SCHEDULES, type Schedule } from "./schedule.ts";

export { SCHEDULES };

/** How parameters are moved: every task starts with a fresh optimizer. */
export interface Optimization {
  /** Makes one. */
  readonly optimizer: () => Optimizer;
  readonly schedule: Schedule;
}

/** Optimizers by the name users give; both take the weight decay. */
export const OPTIMIZERS = { adamw, sgd } as const;

/** The optimization of those names. */
export function optimization(
  optimizer: keyof typeof OPTIMIZERS,
  schedule: keyof typeof SCHEDULES,
  weightDecay: number,
): Optimization {
  return { optimizer: () => OPTIMIZERS[optimizer]({ weightDecay }), schedule: SCHEDULES[schedule] };
}

/** AdamW without decay, warm-up and cosine. */
export const DEFAULT_OPTIMIZATION: Optimization = optimization("adamw", "cosine", 0);
