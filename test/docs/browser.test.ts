/** @file The example of docs/browser.md runs as it stands there, from the built package. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { bundled, CHROMIUM, serve, startChromium } from "../support/browser.ts";
import { missing } from "../support/services.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs", "browser.md"), "utf8");
const place = mkdtempSync(join(tmpdir(), "fm-lora-docs-browser-"));
afterAll(() => rmSync(place, { recursive: true, force: true }));

test.skipIf(missing("Chromium", CHROMIUM, ".ci/services"))(
  "the program",
  async () => {
    const example = readFileSync(join(root, "examples", "browser", "learn.ts"), "utf8");
    expect(/<!-- examples\/browser\/learn\.ts -->\n```ts\n(.*?)```/s.exec(page)?.[1]).toBe(example);
    await writeToyFolder(place, { classes: 3, train: 5, test: 0 });
    const server = await serve({
      "/": `<!doctype html><meta charset="utf-8"><title>example</title><script type="module" src="/example.js"></script>`,
      ...(await bundled({ example: "test/web/pages/example.ts", worker: "dist/web/worker.js" })),
      "/models/": { folder: join(root, "models") },
      "/images/": { folder: place },
    });
    const browser = await startChromium();
    try {
      const tab = await browser.newPage();
      await tab.goto(server.origin);
      await tab.waitForFunction("globalThis.run !== undefined");
      const result = await tab.evaluate("run()");
      expect(result).toMatchObject({ label: expect.any(String), classes: 3 });
      expect((result as { bytes: number }).bytes).toBeGreaterThan(10_000);
    } finally {
      await browser.close();
      await server.close();
    }
  },
  300_000,
);

test("links to what is there", () => {
  const targets = [...page.matchAll(/\]\(([^)#:]+)\)/g)].map(([, target]) => target!);
  expect(targets.filter((target) => !existsSync(join(root, "docs", target)))).toEqual([]);
});
