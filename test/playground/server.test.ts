/** @file The page that `fmlora serve` shows: the playground over the server's API, in a real Chromium. */
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLearner } from "../../src/node/learner/learner.ts";
import { type RunningServer, startServer } from "../../src/node/server/index.ts";
import { CHROMIUM, startChromium } from "../support/browser.ts";
import { PATIENCE, Playground, violationsOn } from "../support/playground.ts";
import { missing } from "../support/services.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { toyFiles, writeToyFolder } from "../support/toy-folder.ts";

const TOKEN = "a-token-that-is-long-enough";
const TRAIN = 10;

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-served-"));
let server: RunningServer;
let browser: Browser;
let own: Playground;

beforeAll(async () => {
  if (nothing) return;
  await writeToyFolder(join(root, "images"), { classes: 3, train: TRAIN, test: 1 });
  server = await startServer({
    folder: join(root, "models"),
    port: 0,
    threads: 1,
    tokens: [TOKEN],
    backbone: writeTinyBackbone(join(root, "backbone")),
  });
  browser = await startChromium();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  own = new Playground(await context.newPage());
}, PATIENCE);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const files = (label: number, use = "train", count = TRAIN): string[] =>
  toyFiles(join(root, "images"), use, label, count);

describe.skipIf(nothing).sequential("the page of a server", () => {
  test("wants the server's token, and axe-core finds nothing wrong", async () => {
    const { page } = own;
    const refused: string[] = [];
    page.on(
      "console",
      (message) => message.text().includes("Content Security") && refused.push(message.text()),
    );
    await page.goto(server.url);
    const token = page.getByLabel("Token of this server");
    await token.fill("a-token-of-somebody-else");
    await own.button("Go on").click();
    await own.says("the token is none of this server's");
    expect(await own.violations()).toEqual([]);
    await token.fill(TOKEN);
    await own.button("Go on").click();
    await own.ready();
    expect(await page.locator("header").textContent()).toContain("and to no other");
    expect(await own.violations()).toEqual([]);
    expect(refused).toEqual([]);
  });

  test("teaches the server's model with progress, and asks it", async () => {
    const { page } = own;
    await page.getByLabel("Name of a new model").fill("desk");
    await own.button("Begin it").click();
    await own.ready();
    await own.fillTwo(["mug", "pen"], files);
    await own.learn("always");
    expect(await page.locator(".losses").count()).toBe(1);
    expect(await own.card("mug").textContent()).toContain("8 learned");
    expect(await own.ask(files(0, "test", 1)[0]!)).toBe("mug");
    expect(existsSync(join(root, "models", "desk", "model.safetensors"))).toBe(true);
    await own.addClass("key");
    await own.fill("key", files(2));
    await own.learn("never");
    expect(await own.ask(files(2, "test", 1)[0]!)).toBe("key");
    expect(await own.violations()).toEqual([]);
    await own.pictures("server");
  }, 120_000);

  test("takes it along, undoes, renames and removes; all of it is the server's", async () => {
    const { page } = own;
    const archive = join(root, "peft.tar");
    expect(await own.saved("Save for PEFT", archive)).toBe("desk-peft.tar");
    expect(statSync(archive).size).toBeGreaterThan(1000);
    await own.button("Undo the last learn").click();
    await own.says("The last learn is taken back.");
    await own.named(own.card("pen"), "pencil");
    await expect.poll(() => page.locator(".bar .name").allTextContents()).toContain("pencil");
    await own.button("Remove the class mug").click();
    await own.says("mug is no answer any more.");
    await page.reload();
    await own.ready();
    expect(await page.locator(".server select").inputValue()).toBe("desk");
    expect(await page.locator(".bar .name").allTextContents()).toEqual(["pencil", "none of these"]);
    const node = await openLearner(join(root, "models", "desk"), { threads: 1, workers: 0, readOnly: true });
    expect(node.classes).toEqual(["pencil"]);
    await node.dispose();
  }, 120_000);

  test("has the forms of the API, without violations, too", async () => {
    const page = await browser.newPage();
    await page.goto(`${server.url}/api`);
    await page.locator("details").first().waitFor();
    expect(await violationsOn(page)).toEqual([]);
    await page.close();
  });
});
