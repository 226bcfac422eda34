/**
 * @file The program of a model's process: it opens the model, and answers calls until the server lets it go. Forward
 * passes and training are here, so that the server's own process always answers at once.
 */
import type { LearnerProgress } from "../../learner/index.ts";
import { InputError } from "../../tensor/errors.ts";
import type { CallName, Calls, Message, ProcessSettings, Reply } from "./calls.ts";
import { ServedModel } from "./served-model.ts";

const settings = JSON.parse(process.argv[2]!) as ProcessSettings;
const model = new ServedModel(settings);
const running = new Map<number, AbortController>();

const say = (reply: Reply): void => void process.send?.(reply);

async function answer(id: number, name: CallName, given: unknown): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const onProgress = (progress: LearnerProgress): void => say({ id, progress });
    const call = model[name] as (
      given: Calls[CallName]["given"],
      listening: { readonly signal: AbortSignal; readonly onProgress: typeof onProgress },
    ) => Promise<unknown>;
    const back = await call.call(model, given as Calls[CallName]["given"], {
      signal: controller.signal,
      onProgress,
    });
    say({ id, back });
  } catch (error) {
    const input = error instanceof InputError || (error as Error | null)?.name === "InputError";
    if (!input && !controller.signal.aborted) console.error(error);
    say({ id, error: error instanceof Error ? error.message : String(error), input });
  } finally {
    running.delete(id);
  }
}

process.on("message", (message: Message) => {
  if ("cancel" in message) running.get(message.id)?.abort();
  else void answer(message.id, message.name, message.given);
});
// The server's death ends what nobody waits for; a signal to all of a terminal's processes is the server's to handle.
process.on("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
