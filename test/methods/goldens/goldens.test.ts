/** @file The numbers beside this file are what its scripts compute with the torch that is installed. Needs FMLORA_PYTHON. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { expectClose, golden } from "./compare.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const python = process.env.FMLORA_PYTHON;
if (python === undefined) {
  console.warn("SKIPPED: whether make.py still gives the methods' goldens, because FMLORA_PYTHON is unset");
}
const jsonFiles = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort();

test.skipIf(python === undefined)(
  "torch still computes what the goldens say",
  () => {
    const scratch = mkdtempSync(join(tmpdir(), "fm-lora-goldens-"));
    try {
      execFileSync(python!, [join(here, "make.py"), scratch], { stdio: ["ignore", "ignore", "pipe"] });
      expect(jsonFiles(scratch)).toEqual(jsonFiles(here));
      for (const file of jsonFiles(here)) {
        const made = JSON.parse(readFileSync(join(scratch, file), "utf8")) as Record<string, number[]>;
        const kept = golden(file.slice(0, -".json".length));
        expect(Object.keys(made), file).toEqual(Object.keys(kept));
        for (const [name, values] of Object.entries(kept))
          expectClose(made[name]!, values, `${file}: ${name}`, 1e-6);
      }
    } finally {
      rmSync(scratch, { recursive: true });
    }
  },
  240_000,
);
