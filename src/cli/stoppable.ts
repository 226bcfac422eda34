/** @file Ctrl-C for work that takes long. */
import { StoppedError } from "./failures.ts";
import type { StatusLine } from "./progress.ts";

/** What is said of work that was stopped and can be resumed. */
export const CONTINUE = "stopped; continue with the same command and --resume";

/**
 * Ctrl-C stops as soon as nothing is lost, a second one at once.
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
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw new StoppedError(said, { cause: error });
    throw error;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    status.stop();
  }
}
