/** @file Plugins from files, folders and packages, and what is said of those that can't be used. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadPlugins } from "../../src/node/runs/plugins.ts";
import { REGISTRY } from "../../src/node/runs/registry.ts";
import { withPlugins } from "../../src/run/registry.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-plugins-"));
const write = (file: string, text: string): void => {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
};

/** A module with one benchmark. */
const plugin = (name: string): string => `
  import * as z from "zod";
  export default {
    name: "whatever",
    benchmarks: [{
      name: "${name}", kind: "class-incremental", tasks: 1, summary: "toys", needs: "nothing",
      source: { license: "CC0" }, usesData: false, options: z.object({}), open: async () => {},
    }],
  };`;

beforeAll(() => {
  const zod = fileURLToPath(new URL("../../node_modules/zod", import.meta.url));
  mkdirSync(join(root, "node_modules"));
  symlinkSync(zod, join(root, "node_modules", "zod"), "junction");
  write("file.mjs", plugin("from-file"));
  write("folder/package.json", '{ "type": "module", "main": "main.js" }');
  write("folder/main.js", plugin("from-folder"));
  write(
    "node_modules/@toys/plugin/package.json",
    '{ "type": "module", "exports": { "import": "./main.js" } }',
  );
  write("node_modules/@toys/plugin/main.js", plugin("from-package"));
  write("none.mjs", "export const benchmarks = [];");
  write("odd.mjs", "export default { benchmarks: [{ name: 'odd' }], methods: 3 };");
  write("throws.mjs", "throw new Error('out of toys');");
  write("syntax.mjs", "export default {");
});
afterAll(() => rmSync(root, { recursive: true }));

test("a file, a folder and a package that is for import alone, under the names they were asked by", async () => {
  const names = ["./file.mjs", "./folder", "@toys/plugin", join(root, "file.mjs")];
  const plugins = await loadPlugins(names, root);
  expect(plugins.map(({ name }) => name)).toEqual(names);
  expect(plugins.map(({ benchmarks }) => benchmarks![0]!.name)).toEqual([
    "from-file",
    "from-folder",
    "from-package",
    "from-file",
  ]);
  const all = withPlugins(REGISTRY, plugins.slice(0, 3));
  expect(all.plugins).toEqual(names.slice(0, 3));
  expect(all.benchmarks).toHaveLength(REGISTRY.benchmarks.length + 3);
  expect(() => withPlugins(REGISTRY, plugins)).toThrow(/there is a benchmark "from-file" already/);
});

describe("one line for", () => {
  const refusal = async (name: string): Promise<string> => {
    const error = await loadPlugins([name], root).then(() => undefined, String);
    return String(error).replaceAll(root, "DIR");
  };

  test.each([
    [
      "./nowhere.js",
      "InputError: plugin ./nowhere.js: there is no such file in DIR; expected a JavaScript module, or a folder with package.json",
    ],
    [
      "file.mjs",
      "InputError: plugin file.mjs: no package of that name is installed in DIR; write ./file.mjs for the file",
    ],
    [
      "no-such-plugin",
      "InputError: plugin no-such-plugin: no package of that name is installed in DIR; npm install it",
    ],
    [
      "./none.mjs",
      "InputError: plugin ./none.mjs: has no default export; expected export default { methods: [...], benchmarks: [...] }",
    ],
    ["./throws.mjs", "InputError: plugin ./throws.mjs: fails as it is loaded: out of toys"],
  ])("%s", async (name, message) => {
    expect(await refusal(name)).toBe(message);
  });

  test("a module that can't be read, or isn't a plugin", async () => {
    expect(await refusal("./syntax.mjs")).toMatch(
      /^InputError: plugin \.\/syntax\.mjs: fails as it is loaded: /,
    );
    expect(await refusal("./odd.mjs")).toMatch(
      /^InputError: plugin \.\/odd\.mjs: methods: expected a list of methods; benchmarks\[0\]\.summary: expected a text; .*; benchmarks\[0\]\.open: expected a function$/,
    );
  });
});
