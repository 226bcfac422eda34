/** @file The playground as a person uses it: by what is written on its controls. */
import { join } from "node:path";
import axe from "axe-core";
import type { Locator, Page } from "playwright-core";

/** How long a person waits for it. */
export const PATIENCE = 30_000;

const PICTURES = process.env.FMLORA_PICTURES;
const SIZES = [
  [1280, 900],
  [390, 844],
] as const;

/** Everything that axe-core finds wrong on a page. */
export async function violationsOn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate("axe.run()")) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]!.html}`);
}

/** A page of the playground. */
export class Playground {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  card(name: string): Locator {
    const field = this.page.getByLabel(`Name of the class ${name}`, { exact: true });
    return this.page.locator(".card", { has: field });
  }

  /** Gives a card another name. */
  async named(one: Locator, name: string): Promise<void> {
    const field = one.locator(".name-input");
    await field.fill(name);
    await field.press("Enter");
    await this.card(name).waitFor();
  }

  /** A further class. */
  async addClass(name: string): Promise<void> {
    await this.button("Add a class").click();
    await this.named(this.page.locator(".card").last(), name);
  }

  /** Files for a class that has none. */
  async fill(name: string, pictures: readonly string[]): Promise<void> {
    await this.card(name)
      .locator("input[type=file]")
      .setInputFiles([...pictures]);
    await this.card(name).getByText(`${pictures.length} new`).waitFor();
  }

  /** Shows an empty page two classes. */
  async fillTwo(
    names: readonly [string, string],
    pictures: (label: number) => readonly string[],
  ): Promise<void> {
    for (const [i, name] of names.entries()) {
      await this.named(this.card(`Class ${i + 1}`), name);
      await this.fill(name, pictures(i));
    }
  }

  async ready(): Promise<void> {
    await this.page.locator(".card").first().waitFor();
    await this.page.locator(".banner").waitFor({ state: "detached" });
  }

  async learn(train: "auto" | "always" | "never" = "auto"): Promise<void> {
    await this.page.getByLabel("Train the network").selectOption(train);
    await this.button("Learn").click();
    await this.page.getByText("Nothing new yet").waitFor({ timeout: 3 * PATIENCE }); // it trains
    await this.says("pictures learned.");
  }

  /** What it says of a picture. */
  async ask(picture: string): Promise<string> {
    await this.page.getByLabel("Ask about a picture").setInputFiles(picture);
    await this.page.locator(".bar.best .name").waitFor({ timeout: PATIENCE });
    return (await this.page.locator(".bar.best .name").textContent())!;
  }

  /** Saves what a button gives, and says its name. */
  async saved(button: string, path: string): Promise<string> {
    const [download] = await Promise.all([this.page.waitForEvent("download"), this.button(button).click()]);
    await download.saveAs(path);
    return download.suggestedFilename();
  }

  /** The line that tells what became of something. */
  async says(text: string): Promise<void> {
    const toast = this.page.locator(".toast");
    try {
      await toast.filter({ hasText: text }).waitFor();
    } catch (error) {
      throw new Error(`expected "${text}", and it says "${await toast.textContent()}"`, { cause: error });
    }
  }

  /** Screenshots into the folder that FMLORA_PICTURES names, if it is set: two widths, both colors. */
  async pictures(name: string): Promise<void> {
    if (PICTURES === undefined) return;
    const { page } = this;
    const close = page.getByLabel("Close the message");
    if ((await close.count()) > 0) await close.click();
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      for (const theme of ["light", "dark"]) {
        await page.getByLabel("Colors").selectOption(theme);
        await page.screenshot({ path: join(PICTURES, `${name}-${width}-${theme}.png`), fullPage: true });
      }
    }
    await page.getByLabel("Colors").selectOption("auto");
    await page.setViewportSize({ width: SIZES[0][0], height: SIZES[0][1] });
  }

  /** What axe-core finds wrong in both colors. */
  async violations(): Promise<string[]> {
    const found: string[] = [];
    for (const theme of ["light", "dark"]) {
      await this.page.getByLabel("Colors").selectOption(theme);
      found.push(...(await violationsOn(this.page)).map((line) => `${theme}: ${line}`));
    }
    await this.page.getByLabel("Colors").selectOption("auto");
    return found;
  }
}
