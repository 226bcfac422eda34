/** @file The commands of docs/export.md run as they stand there. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "fm-lora-export-docs-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test("a run is exported to each format", async () => {
  await writeToyFolder(join(place, "photos"), { classes: 6, train: 8, test: 3 });
  // `npx fmlora` is the built command, as it is in a clone.
  const npx = join(place, "npx");
  const main = join(root, "dist", "cli", "main.js");
  writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(npx, 0o755);
  const page = readFileSync(join(root, "docs", "export.md"), "utf8");
  const [, commands] = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page)!;
  const output = execFileSync("bash", ["-euc", commands!], {
    cwd: place,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${place}${delimiter}${process.env.PATH}` },
  });
  expect(output).toMatch(/^fp32: on 3 images of noise, .*; 3 of 3 likeliest classes equal$/m);
  const written = [
    "runs/photos-onnx/onnx/model_quantized.onnx",
    "runs/photos-safetensors/model.safetensors",
    "photos-adapter/adapter_model.safetensors",
  ];
  for (const file of written) expect(existsSync(join(place, file)), file).toBe(true);
}, 240_000);
