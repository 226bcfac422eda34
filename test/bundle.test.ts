/** @file What a browser gets: the core in one file, without Node, and small. */
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Packages that the core did without once, each for many bytes. */
const HEAVY = ["linkedom", "watr"];

interface Bundle {
  readonly bytes: number;
  readonly packages: readonly string[];
}

/** Bundles a module's text as a page's bundler does: Node's modules can't be found then, which is an error. */
async function bundle(name: string, contents: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT },
    bundle: true,
    minify: true,
    platform: "browser",
    format: "esm",
    target: "es2023",
    write: false,
    metafile: true,
    logLevel: "silent", // errors are thrown
  });
  const [{ contents: code } = { contents: new Uint8Array() }] = outputFiles;
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const kept = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path);
  const packages = kept.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []);
  expect(
    Object.values(metafile.inputs).flatMap(({ imports }) =>
      imports.filter(({ external, path }) => external && path !== "<runtime>"),
    ),
  ).toEqual([]);
  console.log(`${name}: ${code.length} bytes, ${gzipSync(code, { level: 9 }).length} with gzip`);
  return { bytes: code.length, packages: [...new Set(packages)].sort() };
}

test.each([
  ["the core", `export * from "./src/index.ts";`, 840_000],
  [
    "the task loop and all methods",
    `export { runStream } from "./src/train/run.ts"; export { METHODS } from "./src/methods/index.ts";`,
    300_000,
  ],
  ["a page with a learner", `export { createLearner, openLearner } from "./src/web/index.ts";`, 12_000],
  ["its worker", `export { newLearner, openedLearner } from "./src/web/stored-learner.ts";`, 580_000],
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
