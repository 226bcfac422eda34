/** @file What a browser gets: the core in one file, without Node, and small. */
import { fileURLToPath } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { HUB_IN_BROWSERS } from "./support/browser.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Packages that the core did without once, each for many bytes. */
const HEAVY = ["linkedom", "watr"];

interface Bundle {
  /** Of what is loaded at once; what is loaded when it is needed comes on top. */
  readonly bytes: number;
  readonly packages: readonly string[];
}

/** Bundles a module's text as a page's bundler does: Node's modules can't be found then, which is an error. */
async function bundle(name: string, contents: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT },
    outdir: "/",
    bundle: true,
    splitting: true,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2023",
    alias: HUB_IN_BROWSERS,
    write: false,
    metafile: true,
    logLevel: "silent", // errors are thrown
  });
  expect(
    Object.values(metafile.inputs).flatMap(({ imports }) =>
      imports.filter(({ external, path }) => external && path !== "<runtime>"),
    ),
  ).toEqual([]);
  const outputs = Object.entries(metafile.outputs);
  const loaded = new Set<string>();
  const load = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const { imports } = metafile.outputs[path]!;
    for (const { kind, path: next } of imports) if (kind === "import-statement") load(next);
  };
  load(outputs.find(([, { entryPoint }]) => entryPoint === "<stdin>")![0]);
  const inputs = [...loaded].flatMap((path) => Object.entries(metafile.outputs[path]!.inputs));
  const kept = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const packages = kept.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  const files = outputFiles.filter((_, i) => loaded.has(outputs[i]![0])).map((file) => file.contents);
  const [bytes, gzip, brotli] = [
    (code: Uint8Array) => code.length,
    (code: Uint8Array) => gzipSync(code, { level: 9 }).length,
    (code: Uint8Array) => brotliCompressSync(code).length,
  ].map((size) => files.reduce((sum, code) => sum + size(code), 0)) as [number, number, number];
  console.log(`${name}: ${bytes} bytes, ${gzip} with gzip, ${brotli} with brotli`);
  return { bytes, packages: [...new Set(packages)].sort() };
}

test.each([
  ["the core", `export * from "./src/index.ts";`, 790_000],
  [
    "the task loop and all methods",
    `export { runStream } from "./src/train/run.ts"; export { METHODS } from "./src/methods/index.ts";`,
    302_000,
  ],
  ["a page with a learner", `export { createLearner, openLearner } from "./src/web/index.ts";`, 6_000],
  ["its worker", `export { newLearner, openedLearner } from "./src/web/stored-learner.ts";`, 460_000],
])("%s fits a browser, and stays small", async (name, contents, most) => {
  const { bytes, packages } = await bundle(name, contents);
  expect(packages.filter((each) => HEAVY.includes(each))).toEqual([]);
  expect(bytes, `of ${packages.join(", ")}; is zod imported as import * as z everywhere?`).toBeLessThan(most);
});

test("a bundle with one of Node's modules is caught", async () => {
  await expect(bundle("wrong", `export * from "./src/node/files/npy.ts";`)).rejects.toThrow(
    'Could not resolve "node:',
  );
});
