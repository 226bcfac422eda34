/** @file What every runtime must do: the public conformance suite, on the browsers' one. */
import { describe, expect, test } from "vitest";
import { CHROMIUM } from "../support/browser.ts";
import { openLab } from "../support/lab.ts";
import { missing } from "../support/services.ts";

describe.skipIf(missing("Chromium", CHROMIUM, ".ci/services"))("onnxruntime-web in Chromium", () => {
  test("keeps all rules; it has one thread where the page is not isolated", async () => {
    const site = await openLab({});
    const { call } = await site.open();
    expect(await call("isolated")).toBe(false);
    expect(await call("runtime", 2)).toEqual({ name: "onnxruntime-web 1.30.0", threads: 1 });
    await site.close();
  });

  test("keeps them with threads", async () => {
    const site = await openLab({}, { isolated: true });
    const { call } = await site.open();
    expect(await call("isolated")).toBe(true);
    expect(await call("runtime", 2)).toEqual({ name: "onnxruntime-web 1.30.0", threads: 2 });
    await site.close();
  });
});
