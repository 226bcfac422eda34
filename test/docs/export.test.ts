/** @file The commands of docs/export.md run as they stand there. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { bashWithNpx } from "../support/npx.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "fm-lora-export-docs-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("a run is exported to each format", async () => {
  await writeToyFolder(join(place, "photos"), { classes: 6, train: 8, test: 3 });
  const page = readFileSync(join(root, "docs", "export.md"), "utf8");
  const [, commands] = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page)!;
  const output = bashWithNpx(place, commands!);
  expect(output).toMatch(/^fp32: on 3 images of noise, .*; 3 of 3 likeliest classes equal$/m);
  const written = [
    "runs/photos-onnx/onnx/model_quantized.onnx",
    "runs/photos-safetensors/model.safetensors",
    "photos-adapter/adapter_model.safetensors",
  ];
  for (const file of written) expect(existsSync(join(place, file)), file).toBe(true);
}, 240_000);
