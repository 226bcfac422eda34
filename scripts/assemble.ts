/**
 * @file Assembles every NAME.wat in src to generated/NAME.ts beside it, whenever one has changed:
 *
 *     npx tsx scripts/assemble.ts
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import compile from "watr/compile";

const SOURCES = fileURLToPath(new URL("../src", import.meta.url));
/** Characters of base64 in a line. */
const WIDTH = 100;

for (const path of readdirSync(SOURCES, { recursive: true, encoding: "utf8" })) {
  if (!path.endsWith(".wat")) continue;
  const file = join(SOURCES, path);
  const name = basename(path, ".wat");
  const bytes = compile(readFileSync(file, "utf8"));
  const folder = join(dirname(file), "generated");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.ts`), moduleOf(name, Buffer.from(bytes).toString("base64")));
  console.log(`src/${path}: ${bytes.length} bytes`);
}

/** "resample-kernel" -> export const RESAMPLE_KERNEL = "AGFzbQ...": */
function moduleOf(name: string, base64: string): string {
  const constant = name.toUpperCase().replaceAll("-", "_");
  const lines = base64.match(new RegExp(`.{1,${WIDTH}}`, "g"))!.map((line) => `  "${line}"`);
  return [
    `/** @file Generated from ${name}.wat by scripts/assemble.ts. */`,
    "",
    "/** A WebAssembly module in base64. */",
    `export const ${constant} =`,
    `${lines.join(" +\n")};`,
    "",
  ].join("\n");
}
