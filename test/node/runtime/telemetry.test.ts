/** @file A program that is bundled keeps ONNX Runtime's telemetry off, as one that is not. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Format } from "esbuild";
import { afterAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
let count = 0;
const folder = mkdtempSync(join(tmpdir(), "fmlora-telemetry-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a session, runs it, and tells what came of it. */
const PROGRAM = `
  import { graph, input, mul, tensor } from "fm-lora";
  import { nodeRuntime } from "fm-lora/node";
  const x = input("x", "float32", [2]);
  const work = async () => {
    const session = await nodeRuntime({ threads: 1 }).compile(graph({ y: mul(x, x) }));
    const { y } = await session.run({ x: tensor("float32", [2], Float32Array.of(-1, 2)) });
    console.log(JSON.stringify([...y.data]));
  };
  work();
`;

/** Stands in for onnxruntime-node, and says whether telemetry was off at its own start and at that of a session. */
const STAND_IN = `
  const off = () => process.env.ORT_DISABLE_TELEMETRY === "1";
  console.log("loaded", off());
  exports.env = { versions: {} };
  exports.Tensor = class { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } };
  exports.InferenceSession = class {
    static async create() {
      console.log("session", off());
      return { run: async ({ x }) => ({ y: x }) };
    }
  };
`;

/** The program in one file, in a folder where `modules` are installed; only packages with binaries stay outside. */
async function bundle(format: Format, modules: (folder: string) => void): Promise<string> {
  const place = join(folder, `${format}-${count++}`);
  mkdirSync(place);
  modules(join(place, "node_modules"));
  const outfile = join(place, format === "esm" ? "program.mjs" : "program.cjs");
  await build({
    stdin: { contents: PROGRAM, resolveDir: ROOT },
    alias: { "fm-lora": join(ROOT, "src/index.ts"), "fm-lora/node": join(ROOT, "src/node/index.ts") },
    external: ["onnxruntime-node", "sharp", "@napi-rs/image"],
    bundle: true,
    platform: "node",
    format,
    outfile,
    logLevel: "error",
  });
  return outfile;
}

/** What the program prints where nobody has set the variable before. */
function outputOf(file: string, ...args: readonly string[]): string {
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [file, ...args], {
    env,
    encoding: "utf8",
  });
  expect({ stderr, status, signal }).toEqual({ stderr: "", status: 0, signal: null });
  return stdout;
}

const standIn = (modules: string): void => {
  mkdirSync(join(modules, "onnxruntime-node"), { recursive: true });
  writeFileSync(join(modules, "onnxruntime-node", "index.js"), STAND_IN);
};
const installed = (modules: string): void => symlinkSync(join(ROOT, "node_modules"), modules, "junction");

test.each(["esm", "cjs"] as const)(
  "a bundle (%s) switches telemetry off before ONNX Runtime is loaded",
  async (format) => {
    expect(outputOf(await bundle(format, standIn))).toBe("loaded true\nsession true\n[-1,2]\n");
  },
);

test("ONNX Runtime itself takes it from the bundle: its telemetry died of long command lines", async () => {
  const words = Array.from({ length: 300 }, () => "x".repeat(200)); // its limit was at 30,000 characters
  expect(outputOf(await bundle("esm", installed), ...words)).toBe("[1,4]\n");
});
