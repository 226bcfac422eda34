/** @file The playground as people use it, in a real Chromium with a false camera. FMLORA_PICTURES: a folder for screenshots. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLearner } from "../../src/node/learner/learner.ts";
import { CHROMIUM, type PageServer, serve, startChromium } from "../support/browser.ts";
import { missing } from "../support/services.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

const PICTURES = process.env.FMLORA_PICTURES;
const PATIENCE = 60_000;
/** Of a class. */
const TRAIN = 12;

/** Of all cards. */
const NAMES = `[...document.querySelectorAll(".card .name-input")].map(({ value }) => value)`;

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-playground-"));
let server: PageServer | undefined;
let browser: Browser;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  if (nothing) return;
  await writeToyFolder(join(root, "images"), { classes: 4, train: TRAIN, test: 2 });
  const [vite, folder] = ["../../node_modules/vite/bin/vite.js", "../../examples/playground"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  // In a process of its own: in this one NODE_ENV makes it a page for tests.
  const build = ["build", folder!, "--outDir", join(root, "site"), "--logLevel", "error"];
  execFileSync(process.execPath, [vite!, ...build], { env: { ...process.env, NODE_ENV: "production" } });
  server = await serve({ "/": { folder: join(root, "site") } }, { isolated: true });
  browser = await startChromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(server.origin);
}, PATIENCE);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const files = (label: number, use = "train", count = TRAIN): string[] =>
  Array.from({ length: count }, (_, i) => join(root, "images", use, `class-${label}`, `${i}.png`));

const card = (name: string) =>
  page.locator(".card", { has: page.getByLabel(`Name of the class ${name}`, { exact: true }) });

async function named(one: Locator, name: string): Promise<void> {
  const field = one.locator(".name-input");
  await field.fill(name);
  await field.press("Enter");
  await card(name).waitFor();
}

async function fill(name: string, pictures: readonly string[]): Promise<void> {
  await card(name)
    .locator("input[type=file]")
    .setInputFiles([...pictures]);
  await card(name).getByText(`${pictures.length} new`).waitFor();
}

/** A further class. */
async function addClass(name: string): Promise<void> {
  await page.getByRole("button", { name: "Add a class" }).click();
  await named(page.locator(".card").last(), name);
}

async function learnIt(): Promise<void> {
  await page.getByRole("button", { name: "Learn", exact: true }).click();
  await page.getByText("pictures learnt.").waitFor();
}

/** What it says of a picture. */
async function ask(picture: string): Promise<string> {
  await page.getByLabel("Ask about a picture").setInputFiles(picture);
  await page.locator(".bar.best .name").waitFor();
  return (await page.locator(".bar.best .name").textContent())!;
}

/** Everything that axe-core finds wrong, in both colors. */
async function violations(): Promise<string[]> {
  await page.evaluate(axe.source);
  const found: string[] = [];
  for (const theme of ["light", "dark"]) {
    await page.getByLabel("Colors").selectOption(theme);
    const result = (await page.evaluate("axe.run()")) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    found.push(...result.violations.map(({ id, nodes }) => `${theme}: ${id}: ${nodes[0]!.html}`));
  }
  await page.getByLabel("Colors").selectOption("auto");
  return found;
}

async function picture(name: string): Promise<void> {
  if (PICTURES === undefined) return;
  for (const [width, height] of [
    [1280, 900],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const theme of ["light", "dark"]) {
      await page.getByLabel("Colors").selectOption(theme);
      await page.screenshot({ path: join(PICTURES, `${name}-${width}-${theme}.png`), fullPage: true });
    }
  }
  await page.getByLabel("Colors").selectOption("auto");
  await page.setViewportSize({ width: 1280, height: 900 });
}

describe.skipIf(nothing).sequential("the playground", () => {
  test("starts empty, on threads where the page is isolated, and axe-core finds nothing wrong", async () => {
    await page.getByText("Nothing new yet").waitFor();
    await page.locator(".banner").waitFor({ state: "detached" });
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
    expect(await violations()).toEqual([]);
    await picture("empty");
  });

  test("learns two classes from files, and tells them apart", async () => {
    for (const [i, name] of ["mug", "pen"].entries()) {
      await named(card(`Class ${i + 1}`), name);
      await fill(name, files(i));
    }
    await learnIt();
    expect(await card("mug").textContent()).toContain("10 learnt"); // two are kept aside
    expect(await ask(files(0, "test", 1)[0]!)).toBe("mug");
    expect(await ask(files(1, "test", 1)[0]!)).toBe("pen");
    expect(await page.locator(".bar .share").first().textContent()).toMatch(/^\d+ %$/);
  }, 240_000);

  test("learns what the camera shows, with training, and keeps the others", async () => {
    await addClass("key");
    await page.getByRole("button", { name: "Camera on" }).click();
    const shutter = page.getByRole("button", { name: "Hold to show key" });
    await expect.poll(() => shutter.isEnabled(), { timeout: 20_000 }).toBe(true);
    await shutter.focus();
    await page.keyboard.down("Space");
    await expect.poll(() => card("key").locator(".picture").count(), { timeout: 30_000 }).toBeGreaterThan(7);
    await page.keyboard.up("Space");
    await addClass("cup");
    await fill("cup", files(2));
    await page.getByLabel("Train the network").selectOption("always");
    await page.getByRole("button", { name: "Learn", exact: true }).click();
    await page.locator(".losses").waitFor();
    await page.getByText("pictures learnt. Training was asked for.").waitFor();
    await expect.poll(() => page.locator(".bar.best .name").textContent(), { timeout: 30_000 }).toBe("key"); // live
    await picture("learnt");
    await page.getByRole("button", { name: "Camera off" }).click();
    expect(await ask(files(0, "test", 1)[0]!)).toBe("mug");
    expect(await page.locator("tbody tr").count()).toBeGreaterThanOrEqual(2);
    expect(await violations()).toEqual([]);
  }, 300_000);

  test("is there again after a reload, and without a network", async () => {
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    // Its cache is full once it is active.
    await context.setOffline(true);
    await server!.close();
    server = undefined;
    await page.reload();
    await card("cup").waitFor();
    await page.locator(".banner").waitFor({ state: "detached" });
    await expect.poll(() => card("mug").textContent()).toContain("10 learnt");
    expect(await card("mug").locator("img").count()).toBeGreaterThan(3);
    expect(await ask(files(2, "test", 1)[0]!)).toBe("cup");
  }, 240_000);

  test("undoes, renames and removes", async () => {
    await page.getByRole("button", { name: "Undo the last learn" }).click();
    await page.getByText("The last learn is taken back.").waitFor();
    expect(await card("cup").textContent()).toContain(`${TRAIN} new`);
    await page.getByLabel("Name of the class pen", { exact: true }).fill("pencil");
    await page.getByLabel("Name of the class pen", { exact: true }).press("Enter");
    await card("pencil").waitFor();
    expect(await ask(files(1, "test", 1)[0]!)).toBe("pencil");
    await page.getByRole("button", { name: "Remove the class mug" }).click();
    await page.getByText("mug is no answer any more.").waitFor();
    expect(await page.locator(".bar .name").allTextContents()).toEqual(["pencil", "none of these"]);
  }, 240_000);

  test("saves a file that Node answers with, forgets, and opens it again", async () => {
    const waiting = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save the file" }).click();
    const download = await waiting;
    const model = join(root, "model.safetensors");
    await download.saveAs(model);
    const node = await openLearner(root, { threads: 1, workers: 0, readOnly: true });
    expect(node.classes).toEqual(["pencil"]);
    await node.dispose();
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Forget everything" }).click();
    await page.getByText("Everything is forgotten.").waitFor();
    expect(await page.evaluate(NAMES)).toEqual(["Class 1", "Class 2"]);
    await page.locator("input[accept='.safetensors']").setInputFiles(model);
    await page.getByText("The model knows pencil.").waitFor();
    await card("pencil").waitFor();
    await page.locator("input[accept='.safetensors']").setInputFiles(files(0)[0]!);
    await page.getByText("not a safetensors file").waitFor();
    await card("pencil").waitFor();
  }, 240_000);
});
