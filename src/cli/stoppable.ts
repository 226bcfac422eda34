/** @file Ctrl-C for work that can be resumed. */
import { Stopped } from "./failures.ts";
import type { StatusLine } from "./progress.ts";

/** What is said of work that was stopped. */
export const CONTINUE = "stopped; continue with the same command and --resume";

/** Ctrl-C stops as soon as nothing is lost, a second one at once. @throws Stopped */
export async function stoppable<T>(
  status: StatusLine,
  work: (signal: AbortSignal) => Promise<T>,
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
    if (controller.signal.aborted) throw new Stopped(CONTINUE, { cause: error });
    throw error;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    status.stop();
  }
}
