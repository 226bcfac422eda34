/** @file The page of test/web/pages/lab.ts in Chromium, and its functions by name. */
import type { Browser, Page } from "playwright-core";
import { bundled, type Mounts, serve, startChromium } from "./browser.ts";

/** What a function of the page gives, once it is there. */
export type CallLab = <Result = unknown>(name: string, ...given: readonly unknown[]) => Promise<Result>;

/** A page. */
export interface LabPage {
  readonly page: Page;
  readonly call: CallLab;
}

/** Opens pages of one browser on one server. */
export interface LabSite {
  readonly browser: Browser;
  readonly origin: string;
  asked(): string[];
  /** In a context of its own unless another page's is given: contexts share no storage. */
  open(beside?: Page): Promise<LabPage>;
  close(): Promise<void>;
}

const HTML = `<!doctype html><meta charset="utf-8"><title>lab</title><script type="module" src="/lab.js"></script>`;

/**
 * Serves the page with more beside it.
 * @param flags of Chromium
 */
export async function openLab(
  mounts: Mounts,
  { isolated = false, flags = [] }: { readonly isolated?: boolean; readonly flags?: readonly string[] } = {},
): Promise<LabSite> {
  const programs = await bundled({ lab: "test/web/pages/lab.ts", worker: "src/web/worker.ts" });
  const server = await serve({ "/": HTML, ...programs, ...mounts }, { isolated });
  const browser = await startChromium(...flags);
  return {
    browser,
    origin: server.origin,
    asked: server.asked,
    async open(beside) {
      const context = beside?.context() ?? (await browser.newContext());
      const page = await context.newPage();
      page.on("pageerror", (error) => console.error(`the page: ${error.message}`));
      await page.goto(server.origin);
      return { page, call: callerIn(page) };
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

function callerIn(page: Page): CallLab {
  return async <Result>(name: string, ...given: readonly unknown[]): Promise<Result> => {
    await page.waitForFunction("globalThis.lab !== undefined");
    return page.evaluate(
      ([called, values]) =>
        (globalThis as unknown as { lab: Record<string, (...all: readonly unknown[]) => Promise<Result>> })
          .lab[called]!(...values),
      [name, given] as const,
    );
  };
}
