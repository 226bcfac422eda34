/** @file Compiles src/ to dist/ when something changed. Node built-ins only. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
/** Written after a build without errors: tsc writes files even when there are some. */
const STAMP = join(DIST, ".complete");

/** Runs a program to its end with our output and no input; resolves to its exit code. */
export function execute(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"], ...options });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal === null ? code : 130));
  });
}

/** Runs a package's program with this Node. */
export function executeTool(path, args, options) {
  return execute(process.execPath, [join(ROOT, "node_modules", path), ...args], options);
}

/** As if it were installed in itself: plugins in a clone import "fm-lora". */
function linkSelf() {
  const link = join(ROOT, "node_modules", "fm-lora");
  if (!existsSync(link)) symlinkSync(ROOT, link, "junction");
}

/** The page of `fmlora serve`. */
const PLAYGROUND = join("examples", "playground");

/** Compiles if a source is newer than the last complete build. @throws if there are errors */
export async function build() {
  const sources = [
    ...["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json"],
    ...["index.html", "vite.config.ts"].map((file) => join(PLAYGROUND, file)),
    ...["src", join(PLAYGROUND, "src")].flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true }).map((file) => join(folder, file)),
    ),
  ];
  linkSelf();
  const newest = Math.max(...sources.map((file) => statSync(join(ROOT, file)).mtimeMs));
  if (existsSync(STAMP) && statSync(STAMP).mtimeMs > newest) return;
  const started = Date.now();
  rmSync(DIST, { recursive: true, force: true }); // what was removed from src must not stay
  const code = await executeTool("typescript/bin/tsc", ["-p", "tsconfig.build.json"]);
  if (code !== 0) throw new Error("the build failed: tsc's errors are above");
  const page = await buildPlayground(["--mode", "server", "--logLevel", "warn"]);
  if (page !== 0) throw new Error("the build of the server's page failed: vite's errors are above");
  // As old as the sources it was made from: an edit during the build counts.
  writeFileSync(STAMP, `${new Date(started).toISOString()}\n`);
}

/** Builds the page of examples/playground from dist/. @param words of vite's build */
export const buildPlayground = (words) =>
  // Tests have another NODE_ENV, which would make it a page for tests.
  executeTool("vite/bin/vite.js", ["build", PLAYGROUND, ...words], {
    env: { ...process.env, NODE_ENV: "production" },
  });
