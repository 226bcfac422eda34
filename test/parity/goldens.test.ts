/** @file goldens.json is what goldens.py computes with the libraries that are installed. Needs FMLORA_PYTHON. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { GOLDENS, type Golden, largestDifference } from "./networks.ts";

const python = process.env.FMLORA_PYTHON;
if (python === undefined) {
  console.warn("SKIPPED: whether goldens.py still gives goldens.json, because FMLORA_PYTHON is unset");
}

test.skipIf(python === undefined)(
  "the libraries still compute what goldens.json says",
  () => {
    const scratch = mkdtempSync(join(tmpdir(), "fm-lora-goldens-"));
    try {
      const out = join(scratch, "goldens.json");
      execFileSync(python!, [fileURLToPath(new URL("goldens.py", import.meta.url)), out], {
        env: { ...process.env, HF_HUB_OFFLINE: "1" },
        stdio: ["ignore", "ignore", "pipe"],
      });
      const made: readonly Golden[] = JSON.parse(readFileSync(out, "utf8")).networks;
      expect(made.map(({ name }) => name)).toEqual(GOLDENS.map(({ name }) => name));
      for (const [i, { name, features, tensors }] of made.entries()) {
        expect(tensors, name).toEqual(GOLDENS[i]!.tensors);
        expect(largestDifference(features, GOLDENS[i]!.features), name).toBeLessThan(1e-6);
      }
    } finally {
      rmSync(scratch, { recursive: true });
    }
  },
  240_000,
);
