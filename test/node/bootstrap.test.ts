/** @file scripts/bootstrap.mjs in a copy of its own, with an npm that only pretends. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));
let root: string;
const at = (...path: string[]): string => join(root, ...path);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-bootstrap-"));
  for (const name of ["bootstrap.mjs", "build.mjs"]) cpSync(join(SCRIPTS, name), at("scripts", name));
  for (const folder of ["node_modules", "node_modules/tsx", "node_modules/tsx/dist"]) mkdirSync(at(folder));
  writeFileSync(at("package-lock.json"), "{}");
  writeFileSync(at("node_modules/.package-lock.json"), "{}");
  writeFileSync(at("node_modules/tsx/dist/cli.mjs"), 'console.log("benchmarks run");');
  writeFileSync(
    at("npm.mjs"),
    `import { writeFileSync } from "node:fs";
    console.log("npm " + process.argv.slice(2).join(" "));
    if (process.env.NPM_FAILS) { console.error("npm ERR! no network"); process.exit(7); }
    writeFileSync("node_modules/.package-lock.json", "{}");`,
  );
});
afterEach(() => rmSync(root, { recursive: true }));

/** `npm run bench` with the pretended npm. */
function bench(flags: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, at("scripts", "bootstrap.mjs"), "bench"],
    { encoding: "utf8", cwd: root, env: { ...process.env, npm_execpath: at("npm.mjs"), ...env } },
  );
  return { status, stdout, stderr };
}

/** Sets how long ago the lock file changed, and what is installed. */
function changed(lockSeconds: number, installedSeconds: number): void {
  const now = Date.now() / 1000;
  utimesSync(at("package-lock.json"), now, now - lockSeconds);
  utimesSync(at("node_modules/.package-lock.json"), now, now - installedSeconds);
}

test("what is installed for this lock file is used; a newer lock file installs, once", () => {
  changed(20, 10);
  expect(bench()).toEqual({ status: 0, stdout: "benchmarks run\n", stderr: "" });
  changed(10, 20);
  const installed = "installing packages\nnpm ci\nbenchmarks run\n";
  expect(bench()).toEqual({ status: 0, stdout: installed, stderr: "" });
  expect(bench().stdout).toBe("benchmarks run\n");
  rmSync(at("node_modules/.package-lock.json"));
  expect(bench().stdout).toBe(installed);
});

test("a failing npm ci ends with its message, and nothing is run", () => {
  changed(10, 20);
  const { status, stdout, stderr } = bench([], { NPM_FAILS: "1" });
  expect({ status, stdout }).toEqual({ status: 1, stdout: "installing packages\nnpm ci\n" });
  expect(stderr).toBe("npm ERR! no network\nnpm ci failed: its errors are above\n");
});

test("a Node that is too old is refused before anything is installed", () => {
  rmSync(at("node_modules/.package-lock.json"));
  const old = "20.18.3";
  const pretend = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"${old}"}})`;
  const outcome = bench(["--import", `data:text/javascript,${encodeURIComponent(pretend)}`]);
  expect(outcome).toEqual({
    status: 1,
    stdout: "",
    stderr: `Node ${old} is too old; install Node 20.19 or newer\n`,
  });
  expect(existsSync(at("node_modules/.package-lock.json"))).toBe(false);
});
