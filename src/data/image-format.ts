/** @file Which image files are read, on every platform: told by their first bytes, whatever they are called. */
import { InputError } from "../tensor/errors.ts";
import { isLfsPointer } from "../tensor/git-lfs.ts";

/** The largest image: above phone cameras (108 megapixels), far below what a compressed bomb can unfold to. */
export const LARGEST_PIXELS = 120_000_000;

const SIGNATURES = [/^\xff\xd8\xff/, /^\x89PNG\r\n/, /^RIFF[\s\S]{4}WEBP/, /^GIF8/];

/** @throws InputError for what begins as no JPEG, PNG, WebP or GIF */
export function checkFormat(bytes: Uint8Array): void {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (!SIGNATURES.some((signature) => signature.test(start))) {
    const pointer = isLfsPointer(bytes, bytes.length)
      ? " (a Git LFS pointer: git lfs pull brings the image)"
      : "";
    const found = bytes.length === 0 ? "an empty file" : `some other content${pointer}`;
    throw new InputError(
      `expected a JPEG, PNG, WebP or GIF image, found ${found}; convert, replace or remove it`,
    );
  }
}

/** Of an image that begins as one and isn't. @param error the decoder's */
export function undecodable(error: unknown): InputError {
  const reason = (error instanceof Error ? error.message : String(error))
    .trim()
    .replaceAll(/\s*\n\s*/g, "; ");
  return new InputError(`can't be decoded (${reason}); replace or remove it`, { cause: error });
}
