/** @file What runs in a worker thread of pool.ts: transform.ts, a message an image. */
import { parentPort } from "node:worker_threads";
import type { ImageTransform } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { sharpTransform } from "./transform.ts";

/** One image to transform, with a number that its answer repeats; null: finish and end. */
export type Request = { readonly id: number; readonly arguments: Parameters<ImageTransform> } | null;

/** What became of it. Errors lose their class on the way, so that it is told apart. */
export type Answer = { readonly id: number } & (
  | { readonly pixels: Uint8Array }
  | { readonly error: string; readonly isInput: boolean }
);

const port = parentPort!;

async function answer({ id, arguments: given }: NonNullable<Request>): Promise<void> {
  try {
    const pixels = await sharpTransform(...given);
    port.postMessage({ id, pixels } satisfies Answer, [pixels.buffer]);
  } catch (error) {
    const isInput = error instanceof InputError;
    const text = isInput || !(error instanceof Error) ? undefined : error.stack;
    port.postMessage({ id, error: text ?? (error as Error).message, isInput } satisfies Answer);
  }
}

const working = new Set<Promise<void>>();

async function take(request: Request): Promise<void> {
  if (request === null) {
    // Not at once: that would pull memory from under the decoders.
    await Promise.all(working);
    port.off("message", take); // a thread that hears nothing more ends; Deno's port has no close()
    return;
  }
  const work = answer(request);
  working.add(work);
  await work;
  working.delete(work);
}
port.on("message", take);
