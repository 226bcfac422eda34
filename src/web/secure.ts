/** @file What a page needs to be for a browser to store anything. */
import { InputError } from "../tensor/errors.ts";

/** @throws InputError where the browser keeps its storage, locks and hashes to itself */
export function requireSecureContext(): void {
  if (globalThis.isSecureContext) return;
  throw new InputError(
    `the page at ${globalThis.location.origin} is not secure, so the browser stores nothing for it; serve it by https, or from localhost`,
  );
}
