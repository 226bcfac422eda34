/** @file The WebAssembly that comes along is what its text says. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import compile from "watr/compile";

const SOURCES = fileURLToPath(new URL("../../src", import.meta.url));
const texts = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".wat"),
);

test.each(texts)(
  "%s, assembled again, gives the bytes that come along: if not, npx tsx scripts/assemble.ts",
  async (path) => {
    const file = join(SOURCES, path);
    const module = join(dirname(file), "generated", `${basename(path, ".wat")}.ts`);
    const [base64] = Object.values((await import(module)) as Record<string, string>);
    expect(Buffer.from(compile(readFileSync(file, "utf8"))).toString("base64")).toBe(base64);
  },
);
