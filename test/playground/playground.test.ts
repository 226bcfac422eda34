/** @file The playground as people use it, in a real Chromium with a false camera. FMLORA_PICTURES: a folder for screenshots. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import type { Browser, BrowserContext, Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openLearner } from "../../src/node/learner/learner.ts";
import { CHROMIUM, type PageServer, serve, startChromium } from "../support/browser.ts";
import { PATIENCE, Playground } from "../support/playground.ts";
import { missing } from "../support/services.ts";
import { toyFiles, writeToyFolder } from "../support/toy-folder.ts";

/** Of a class. */
const TRAIN = 12;

/** Of all cards. */
const NAMES = `[...document.querySelectorAll(".card .name-input")].map(({ value }) => value)`;

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-playground-"));
let server: PageServer | undefined;
let browser: Browser;
let context: BrowserContext;
let own: Playground;

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
  own = new Playground(await context.newPage());
  await own.page.goto(server.origin);
}, 2 * PATIENCE);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const files = (label: number, use = "train", count = TRAIN): string[] =>
  toyFiles(join(root, "images"), use, label, count);

/** Files dragged onto something from outside of the browser, as a person does. */
async function drop(onto: Locator, paths: readonly string[]): Promise<void> {
  await onto.scrollIntoViewIfNeeded();
  const { x, y } = (await onto.boundingBox())!;
  const devtools = await context.newCDPSession(own.page);
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await devtools.send("Input.dispatchDragEvent", { type, x: x + 20, y: y + 20, data });
  }
  await devtools.detach();
}

/** A file pasted somewhere on the page. */
async function paste(path: string): Promise<void> {
  await own.page.evaluate(`{
    const bytes = Uint8Array.from(atob("${readFileSync(path).toString("base64")}"), (each) => each.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
  }`);
}

describe.skipIf(nothing).sequential("the playground", () => {
  test("starts empty, on threads where the page is isolated, and axe-core finds nothing wrong", async () => {
    await own.ready();
    await own.page.getByText("Nothing new yet").waitFor();
    expect(await own.page.evaluate("crossOriginIsolated")).toBe(true);
    expect(await own.violations()).toEqual([]);
    await own.pictures("empty");
  });

  test("learns two classes from files, and tells them apart", async () => {
    await own.fillTwo(["mug", "pen"], files);
    await own.learn();
    expect(await own.card("mug").textContent()).toContain("10 learned"); // two are kept aside
    expect(await own.ask(files(0, "test", 1)[0]!)).toBe("mug");
    expect(await own.ask(files(1, "test", 1)[0]!)).toBe("pen");
    expect(await own.page.locator(".bar .share").first().textContent()).toMatch(/^\d+ %$/);
  }, 90_000);

  test("takes pictures that are dropped, pasted, or in a folder of folders", async () => {
    const [first, second, ...others] = files(2);
    await own.addClass("cup");
    await drop(own.card("cup"), others.slice(0, 8));
    await own.card("cup").getByText("8 new").waitFor();
    await paste(first!);
    await own.card("cup").getByText("9 new").waitFor();
    await paste(second!);
    await own.card("cup").getByText("10 new").waitFor();
    await drop(own.card("cup"), [join(root, "images", "test")]); // to cards of the folders' names
    for (const label of [0, 1, 2, 3]) await own.card(`class-${label}`).getByText("2 new").waitFor();
    await own.page.getByLabel("Add a folder").setInputFiles(join(root, "images", "test"));
    for (const label of [0, 1, 2, 3]) {
      await own.card(`class-${label}`).getByText("4 new").waitFor();
      await own.button(`Remove the class class-${label}`).click();
      await own.card(`class-${label}`).waitFor({ state: "detached" });
    }
    expect(await own.card("cup").textContent()).toContain("10 new");
  });

  test("tells a second tab, and loses nothing where the first is closed while it trains", async () => {
    const first = own.page;
    const second = new Playground(await context.newPage());
    await second.page.goto(server!.origin);
    await second.says("a learner is at work on the model");
    expect(await second.violations()).toEqual([]);
    await first.bringToFront();
    await own.addClass("bowl"); // one class alone trains nothing
    await own.fill("bowl", files(3));
    await first.getByLabel("Train the network").selectOption("always");
    await own.button("Learn").click();
    await first.locator(".progress", { hasText: "Training" }).waitFor();
    await first.close();
    own = second;
    const again = own.button("Try again");
    const opened = async (): Promise<boolean> => {
      if (await again.isVisible()) await again.click();
      return own.card("mug").isVisible();
    };
    await expect.poll(opened, { timeout: PATIENCE, interval: 500 }).toBe(true); // a worker ends when its step does
    await own.ready();
    expect(await own.card("mug").textContent()).toContain("10 learned");
    expect(await own.card("cup").textContent()).toContain("not learned yet, 10 new");
    expect(await own.ask(files(0, "test", 1)[0]!)).toBe("mug");
  }, 120_000);

  test("says where the browser has no room, and goes on when it has", async () => {
    const devtools = await context.newCDPSession(own.page);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: server!.origin, quotaSize: 1 });
    await own.page.getByLabel("Train the network").selectOption("never");
    await own.button("Learn").click();
    await own.says("no room left for the model");
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: server!.origin });
    await own.page.reload();
    await own.ready();
    expect(await own.card("mug").textContent()).toContain("10 learned");
    expect(await own.card("cup").textContent()).toContain("10 new");
  }, 120_000);

  test("learns what the camera shows, with training, and keeps the others", async () => {
    const { page } = own;
    await own.addClass("key");
    await own.button("Camera on").click();
    const shutter = own.button("Hold to show key");
    await expect.poll(() => shutter.isEnabled(), { timeout: 20_000 }).toBe(true);
    await shutter.focus();
    await page.keyboard.down("Space");
    await expect
      .poll(() => own.card("key").locator(".picture").count(), { timeout: 30_000 })
      .toBeGreaterThan(7);
    await page.keyboard.up("Space");
    await own.learn("always");
    expect(await page.locator(".losses").count()).toBe(1);
    await own.says("Training was asked for.");
    await expect.poll(() => page.locator(".bar.best .name").textContent(), { timeout: 30_000 }).toBe("key"); // live
    await own.pictures("learned");
    await own.button("Camera off").click();
    expect(await own.ask(files(0, "test", 1)[0]!)).toBe("mug");
    expect(await page.locator("tbody tr").count()).toBeGreaterThanOrEqual(2);
    expect(await own.violations()).toEqual([]);
  }, 120_000);

  test("gives the model to other programs", async () => {
    const parcels = [
      ["Save for PEFT", "adapter_model.safetensors"],
      ["Save as ONNX", "onnx/model_quantized.onnx"],
      ["Save for transformers", "model.safetensors"],
    ] as const;
    for (const [button, file] of parcels) {
      const path = join(root, "parcel.zip");
      const [folder] = (await own.saved(button, path)).split(".");
      const names = Object.keys(unzipSync(readFileSync(path)));
      expect(names).toEqual(expect.arrayContaining([`${folder}/README.md`, `${folder}/${file}`]));
    }
  }, 120_000);

  test("is there again after a reload, and without a network", async () => {
    const { page } = own;
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)");
    // Its cache is full once it is active.
    await context.setOffline(true);
    await server!.close();
    server = undefined;
    await page.reload();
    await own.card("cup").waitFor();
    await own.ready();
    await expect.poll(() => own.card("mug").textContent()).toContain("10 learned");
    expect(await own.card("mug").locator("img").count()).toBeGreaterThan(3);
    expect(await own.ask(files(2, "test", 1)[0]!)).toBe("cup");
  }, 90_000);

  test("undoes, renames and removes", async () => {
    await own.button("Undo the last learn").click();
    await own.says("The last learn is taken back.");
    expect(await own.card("cup").textContent()).toContain("10 new");
    await own.named(own.card("pen"), "pencil");
    expect(await own.ask(files(1, "test", 1)[0]!)).toBe("pencil");
    await own.button("Remove the class mug").click();
    await own.says("mug is no answer any more.");
    expect(await own.page.locator(".bar .name").allTextContents()).toEqual(["pencil", "none of these"]);
  }, 90_000);

  test("saves a file that Node answers with, forgets, and opens it again", async () => {
    const { page } = own;
    const model = join(root, "model.safetensors");
    expect(await own.saved("Save the file", model)).toBe("model.safetensors");
    const node = await openLearner(root, { threads: 1, workers: 0, readOnly: true });
    expect(node.classes).toEqual(["pencil"]);
    await node.dispose();
    page.once("dialog", (dialog) => void dialog.accept());
    await page.getByText("Begin anew").click();
    await own.button("Forget everything").click();
    await own.says("Everything is forgotten.");
    expect(await page.evaluate(NAMES)).toEqual(["Class 1", "Class 2"]);
    await page.locator("input[accept='.safetensors']").setInputFiles(model);
    await own.says("The model knows pencil.");
    await own.card("pencil").waitFor();
    await page.locator("input[accept='.safetensors']").setInputFiles(files(0)[0]!);
    await own.says("not a safetensors file");
    await own.card("pencil").waitFor();
  }, 90_000);
});
