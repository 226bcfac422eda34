/** @file Ctrl-C for work that takes long. */
import { StoppedError } from "./failures.ts";
import type { StatusLine } from "./progress.ts";

/** What is said of work that was stopped and can be resumed. */
export const CONTINUE = "stopped; continue with the same command and --resume";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGUSR1"] as const;

/**
 * Ctrl-C stops as soon as nothing is lost, a second one at once. So do the signals that schedulers send before a time
 * limit: SIGTERM, and SIGUSR1 where a user chose it.
 * @param said what a user is told then
 * @throws Stopped
 */
export async function stoppable<T>(
  status: StatusLine,
  work: (signal: AbortSignal) => Promise<T>,
  said = CONTINUE,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) {
      status.stop();
      process.exit(130);
    }
    status.line("stopping; once more stops at once");
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new StoppedError(said, { cause: error });
    throw error;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
    status.stop();
  }
}
