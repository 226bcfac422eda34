/**
 * @file `npm start`, `npm test`, `npm run bench`, `npm run playground`, `npm run docs` from a fresh clone: installs, builds and goes. Node built-ins only.
 *
 *     node scripts/bootstrap.mjs start [OPTIONS OF fmlora run ...]
 *     node scripts/bootstrap.mjs test [OPTIONS OF vitest ...]
 *     node scripts/bootstrap.mjs bench [NAME] [OPTIONS]
 *     node scripts/bootstrap.mjs playground [--out FOLDER | OPTIONS OF vite preview ...]
 *     node scripts/bootstrap.mjs docs [BASE]
 *     node scripts/bootstrap.mjs torture [OPTIONS]
 *     node scripts/bootstrap.mjs reproduce ROW [OPTIONS OF fmlora run ...]
 *     node scripts/bootstrap.mjs build
 */
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { build, buildPlayground, execute, executeTool, ROOT } from "./build.mjs";

const LEAST_NODE = [20, 19];

/** What `npm start` shows: a small stream, minutes on two cores. */
const START = ["run", "emoji", "--classes", "100"];
const START_FOLDER = join("runs", "start");

const COMMANDS = {
  start,
  test,
  bench,
  playground,
  docs,
  torture,
  reproduce,
  build: () => build().then(() => 0),
};

async function main() {
  const [name, ...rest] = process.argv.slice(2);
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`expected one of: ${Object.keys(COMMANDS).join(", ")}`);
  checkNode();
  if (name !== "build") await install(); // tests build, and must not change what they run on
  process.exitCode = await command(rest);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new Error(`Node ${process.versions.node} is too old; install Node ${LEAST_NODE.join(".")} or newer`);
}

/** Installs what the lock file names, if it has changed since the last time. */
async function install() {
  const installed = join(ROOT, "node_modules", ".package-lock.json");
  const lock = statSync(join(ROOT, "package-lock.json"));
  if (existsSync(installed) && statSync(installed).mtimeMs >= lock.mtimeMs) return;
  console.log("installing packages");
  const npm = process.env.npm_execpath;
  const code =
    npm === undefined
      ? await execute("npm", ["ci"], { shell: process.platform === "win32" })
      : await execute(process.execPath, [npm, "ci"]);
  if (code !== 0) throw new Error("npm ci failed: its errors are above");
}

async function start(extra) {
  await build();
  const own = extra.some((word) => word === "--out" || word.startsWith("--out="));
  if (!own && !extra.includes("--resume")) {
    rmSync(join(ROOT, START_FOLDER), { recursive: true, force: true });
  }
  const folder = own ? [] : ["--out", START_FOLDER];
  return execute(process.execPath, [join("dist", "cli", "main.js"), ...START, ...folder, ...extra]);
}

/** Everything that has to hold; goes on after a failure, so that one look shows all. */
async function test(extra) {
  const results = join(ROOT, "node_modules", ".cache", "fm-lora", "tests.json");
  mkdirSync(join(results, ".."), { recursive: true });
  rmSync(results, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${results}`];
  const checks = [
    ["build", COMMANDS.build],
    ["lint", () => executeTool("@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."])],
    ["types of the core", () => executeTool("typescript/bin/tsc", ["-p", "tsconfig.core.json"])],
    ["types of everything", () => executeTool("typescript/bin/tsc", ["-p", "tsconfig.json"])],
    ["types of what runs in browsers", () => executeTool("typescript/bin/tsc", ["-p", "tsconfig.web.json"])],
    ["unused code", () => executeTool("knip/bin/knip.js", [])],
    ["the package as others get it", () => executeTool("publint/src/cli.js", ["--strict"])],
    [
      "its types as others resolve them",
      () =>
        executeTool("@arethetypeswrong/cli/dist/index.js", [
          "--pack",
          ".",
          "--profile",
          "esm-only",
          "--quiet",
        ]),
    ],
    ["tests", () => executeTool("vitest/vitest.mjs", ["run", ...reporters, ...extra])],
  ];
  const failed = [];
  for (const [name, check] of checks) {
    console.log(`\n== ${name}`);
    const code = await check().catch((error) => {
      console.error(error.message);
      return 1;
    });
    if (code !== 0) failed.push(name);
  }
  console.log("");
  if (process.env.FMLORA_PYTHON === undefined) {
    console.log(
      "SKIPPED: comparisons with PyTorch. They need FMLORA_PYTHON, a Python with torch, transformers, timm and peft:\n" +
        "    pip install torch transformers timm peft onnx safetensors && FMLORA_PYTHON=python3 npm test",
    );
  }
  if (failed.length > 0) console.log(`FAILED: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

/** Runs all benchmarks, or one by its name. */
function bench(words) {
  return executeTool("tsx/dist/cli.mjs", [join("bench", "index.ts"), ...words]);
}

/** Builds the page and serves it on this machine; with --out FOLDER it is only built, into that folder. */
async function playground(words) {
  await build();
  if (words[0] === "--out") return buildPlayground(["--outDir", resolve(words[1] ?? "")]);
  const code = await buildPlayground([]);
  if (code !== 0) return code;
  return executeTool("vite/bin/vite.js", ["preview", join("examples", "playground"), ...words]);
}

/** Builds the documentation site, and the playground into it. */
async function docs(words) {
  await build();
  const code = await buildPlayground([]);
  if (code !== 0) return code;
  return executeTool("tsx/dist/cli.mjs", [join("scripts", "docs.ts"), ...words]);
}

/** Tries to make runs lose something. */
async function torture(words) {
  await build();
  return executeTool("tsx/dist/cli.mjs", [join("scripts", "torture.ts"), ...words]);
}

/** Runs a row of docs/results again. */
async function reproduce(words) {
  await build();
  return executeTool("tsx/dist/cli.mjs", [join("scripts", "reproduce.ts"), ...words]);
}

// A child gets Ctrl-C itself and ends in its own way: we wait for it.
process.on("SIGINT", () => {}).on("SIGTERM", () => {});

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
