/** @file What a conformance check is, and how it fails. */

/** One thing that must hold. */
export interface Check {
  /** A sentence: "leaves the frozen weights as they were, bit for bit". */
  readonly name: string;
  /** @throws `CheckError` if it does not hold */
  run(): Promise<void>;
}

/** Something that must hold does not. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/** @throws CheckError with `what` unless it holds */
export function require(holds: boolean, what: string): void {
  if (!holds) throw new CheckError(what);
}

/** Runs all checks. @throws CheckError with a line for each that failed, after all have run */
export async function runChecks(subject: string, checks: readonly Check[]): Promise<void> {
  const failed: string[] = [];
  for (const { name, run } of checks) {
    try {
      await run();
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (failed.length === 0) return;
  throw new CheckError(
    `${subject}: ${failed.length} of ${checks.length} checks failed\n${failed.join("\n")}`,
  );
}

/** Whether two arrays have the same numbers, bit for bit but for NaN's. */
export function same(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}
