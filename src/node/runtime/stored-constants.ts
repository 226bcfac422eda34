/** @file Large constants of a graph in a temporary file, from which ONNX Runtime maps them while it packs them. */
import { closeSync, mkdtempSync, openSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ExternalPlace } from "../../onnx/encode.ts";
import { BYTES_PER_ELEMENT, sizeOf, type Tensor } from "../../tensor/tensor.ts";
import { putAllSync } from "../files/write.ts";
import { explainWritesSync, type Written } from "../files/write-errors.ts";

/** Smaller ones are no burden: they stay in the model. */
const SMALLEST = 2 ** 16;
const FILE = "constants";
const TEMPORARY: Written = {
  what: "temporary files",
  advice: () => ", or set TMPDIR to another folder",
};

/** The file; there is none before the first constant that is large enough. */
export class StoredConstants {
  #folder: string | undefined;
  #descriptor: number | undefined;
  #bytes = 0;

  /** Writes the constant, unless it is small: its numbers are asked for once, one constant after the other. */
  add(constant: Tensor): ExternalPlace | undefined {
    const length = sizeOf(constant.dims) * BYTES_PER_ELEMENT[constant.dtype];
    if (length < SMALLEST) return undefined;
    const place = { file: FILE, offset: this.#bytes };
    const { buffer, byteOffset } = constant.data;
    const bytes = new Uint8Array(buffer, byteOffset, length);
    explainWritesSync(
      tmpdir(),
      () => {
        // The real path: ONNX Runtime refuses links that lead out of the folder.
        this.#folder ??= mkdtempSync(join(realpathSync(tmpdir()), "fm-lora-"));
        this.#descriptor ??= openSync(join(this.#folder, FILE), "wx");
        putAllSync(this.#descriptor, bytes);
      },
      TEMPORARY,
    );
    this.#bytes += length;
    return place;
  }

  /** Session options that say where the file is. Nothing is written afterwards. */
  get options(): object {
    if (this.#folder === undefined) return {};
    return { extra: { session: { model_external_initializers_file_folder_path: this.#folder } } };
  }

  /** The session has packed what it needs, or could not be made. */
  remove(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    if (this.#folder === undefined) return;
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // Windows removes no file that is still mapped; it lies where the system cleans up.
    }
  }
}
