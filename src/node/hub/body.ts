/** @file The body of an answer, piece by piece: no longer than was announced, and not slower than a download may be. */
import { InputError } from "../../tensor/errors.ts";
import type { HubSettings } from "./settings.ts";

/** Bytes a second, over each time limit: a server that drips less would keep a command for ever. */
const LEAST_RATE = 1024;

/** Why a body ended before all of it was there; another request may bring the rest. */
export class BrokenBodyError extends Error {
  override readonly name = "BrokenBodyError";
}

/** The server sends more than it announced: what comes is not what was asked for. */
export class TooLongError extends InputError {}

/** What to hold a body to. */
export interface BodyLimits extends Pick<HubSettings, "timeout"> {
  /** Bytes that may come; unpacked, if the server packs them. */
  readonly most: number;
  /** For messages: "org/name/config.json". */
  readonly name: string;
}

/**
 * The pieces of a body.
 * @throws BrokenBodyError if it breaks, stops or drips
 * @throws TooLongError at the first byte beyond `most`
 */
export async function* pieces(
  { body }: Response,
  { most, name, timeout }: BodyLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (body === null) return;
  const reader = body.getReader();
  let [got, window] = [0, 0];
  let since = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let stalled = false;
  try {
    for (;;) {
      timer = setTimeout(() => {
        stalled = true;
        void reader.cancel().catch(() => {});
      }, 1000 * timeout);
      const { value } = await reader.read();
      clearTimeout(timer);
      if (stalled) throw new BrokenBodyError(`no byte for ${timeout} s`);
      if (value === undefined) return;
      got += value.length;
      if (got > most) {
        throw new TooLongError(
          `${name}: the server sends more than the ${most} bytes that it announced; check the network and HF_ENDPOINT`,
        );
      }
      window += value.length;
      const seconds = (performance.now() - since) / 1000;
      if (seconds >= timeout && got < most) {
        if (window < LEAST_RATE * seconds) {
          throw new BrokenBodyError(`only ${window} bytes in ${Math.round(seconds)} s`);
        }
        [window, since] = [0, performance.now()];
      }
      yield value;
    }
  } catch (error) {
    // undici's own errors; whatever the caller threw is for the user.
    if (!(error instanceof TypeError)) throw error;
    throw new BrokenBodyError(((error.cause as Error | undefined) ?? error).message, { cause: error });
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => {}); // it may be broken already
  }
}
