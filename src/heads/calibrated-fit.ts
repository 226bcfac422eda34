/** @file What heads have in common that fit statistics when they are asked, and calibrate what they have fitted. */
import type { Head } from "./head.ts";

/** A fit with its temperature. */
interface Calibrated {
  readonly temperature: number;
}

/** The latest fit, made when it is asked for, and the members of a head that come with it. */
export function calibratedFit<Fit extends Calibrated>(
  make: (temperature: number | undefined) => Fit,
): { readonly get: () => Fit } & Required<Pick<Head, "changed" | "temperature" | "calibrate">> {
  let fitted: Fit | undefined;
  let known: number | undefined;
  const get = (): Fit => {
    fitted ??= make(known);
    return fitted;
  };
  return {
    get,
    changed() {
      fitted = undefined;
      known = undefined;
    },
    temperature: () => known ?? get().temperature,
    calibrate(temperature) {
      known = temperature;
    },
  };
}
