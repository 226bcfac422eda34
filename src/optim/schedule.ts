/** @file Learning-rate schedules: the factor on the base rate. */

/** Factor at `progress` (0 to 1 of all steps of a task). */
export type Schedule = (progress: number) => number;

/** Linear warm-up over the first `warmup` (a share of all steps), then half a cosine down to zero. */
export const cosineAfter =
  (warmup: number): Schedule =>
  (progress) => {
    if (progress < warmup) return (progress + 1e-3) / (warmup + 1e-3);
    return 0.5 * (1 + Math.cos((Math.PI * (progress - warmup)) / (1 - warmup)));
  };

/** Linear warm-up over the first tenth, then half a cosine down to zero. */
export const warmupCosine: Schedule = cosineAfter(0.1);

/** No change. */
export const constantRate: Schedule = () => 1;

/** Schedules by the name users give. */
export const SCHEDULES = { cosine: warmupCosine, constant: constantRate } as const;
