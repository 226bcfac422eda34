/** @file The report in a browser: nothing cut off on a phone, and nothing that axe-core finds in either color scheme. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chartDocument } from "../../src/node/runs/chart-document.ts";
import { reportHtml } from "../../src/report/html.ts";
import { missing } from "../support/services.ts";
import { exampleRun } from "./example.ts";

const EXECUTABLE = [process.env.FMLORA_CHROMIUM ?? "", "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => existsSync(path),
);
const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
/** Of one gray pixel each. */
const MISTAKES = [0.998, 0.4, 0.31].map((sureness) => ({
  image: "data:image/gif;base64,R0lGODlhAQABAIAAAHBwcAAAACwAAAAAAQABAAACAkQBADs=",
  label: "class 1",
  answer: "a-class-with-a-name-that-goes-on-and-on",
  sureness,
}));
const folder = mkdtempSync(join(tmpdir(), "fm-lora-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing("chromium", EXECUTABLE, "apt-get install chromium"))("the report in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    // Not in a sandbox of its own: containers, and root, have none.
    browser = await chromium.launch({ executablePath: EXECUTABLE!, args: ["--no-sandbox"] });
  });
  afterAll(() => browser?.close());

  for (const tasks of [1, 10, 40]) {
    const { config, metrics, events } = exampleRun(tasks);
    const file = join(folder, `${tasks}.html`);
    writeFileSync(file, reportHtml(chartDocument(), config, metrics, events, MISTAKES));
    for (const width of [390, 1280]) {
      for (const colorScheme of ["light", "dark"] as const) {
        test(`${tasks} tasks, ${width} px, ${colorScheme}`, async () => {
          const page = await browser.newPage({
            viewport: { width, height: 900 },
            colorScheme,
            bypassCSP: true, // the page's own policy would keep axe-core out
          });
          await page.goto(pathToFileURL(file).href);
          // Also what is folded.
          await page.evaluate(
            'document.querySelectorAll("details").forEach((each) => { each.open = true; })',
          );
          expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
          await page.evaluate(AXE);
          const violations = await page.evaluate(
            "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
          );
          expect(violations).toEqual([]);
          await page.close();
        });
      }
    }
  }
});
