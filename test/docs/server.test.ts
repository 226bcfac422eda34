/** @file The examples of docs/server.md run as they stand there. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bashBesideServer } from "../support/npx.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs", "server.md"), "utf8");
const example = join(root, "examples", "server.ts");
const place = mkdtempSync(join(tmpdir(), "fm-lora-docs-server-"));
const TIMEOUT = 600_000;

beforeAll(async () => {
  await writeToyFolder(join(place, "photos"), { classes: 2, train: 5, test: 0 });
  renameSync(join(place, "photos", "train"), join(place, "monday"));
  for (const [label, name] of ["cat", "dog"].entries()) {
    renameSync(join(place, "monday", `class-${label}`), join(place, "monday", name));
  }
  copyFileSync(join(place, "monday", "cat", "0.png"), join(place, "photo.png"));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

test(
  "the commands",
  () => {
    const [, serve] = /<!-- serves -->\n```bash\n(.*?) +#/s.exec(page)!;
    const [, block] = /<!-- runs -->\n```bash\n(.*?)```/s.exec(page)!;
    const output = bashBesideServer(place, serve!, 8089, block!);
    expect(output.match(/"label":"cat"/g)).toHaveLength(2);
    const files = execFileSync("tar", ["tf", join(place, "pets.tar")], { encoding: "utf8" });
    expect(files).toContain("pets-onnx/onnx/model_quantized.onnx\n");
  },
  TIMEOUT,
);

test(
  "the program",
  () => {
    expect(/<!-- examples\/server\.ts -->\n```ts\n(.*?)```/s.exec(page)?.[1]).toBe(
      readFileSync(example, "utf8"),
    );
    const tsx = join(root, "node_modules", "tsx", "dist", "cli.mjs");
    const output = execFileSync(process.execPath, [tsx, example, "program", "monday", "photo.png"], {
      cwd: place,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(output).toMatch(/^done\n\[ \{ className: 'cat', probability: [\d.e-]+ \} \]\n$/);
  },
  TIMEOUT,
);

test("links to what is there", () => {
  const targets = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
  expect(targets.filter((target) => !existsSync(join(root, "docs", target)))).toEqual([]);
});
