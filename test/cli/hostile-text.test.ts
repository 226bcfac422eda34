/** @file What reaches people: no escape of a hostile name, no output lost unsaid, nobody asked unsaid. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { printableLines } from "../../src/report/format.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { COMMIT, MockHub } from "../node/hub/mock-hub.ts";
import { QUICK, Workplace } from "./command.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Clears the screen, sets the window's title, turns text around. */
const ESCAPES = "\u001b[2J\u001b]0;owned\u0007\u009b31m\u202egnp";
const UNCLEAN = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u;
const WINDOWS = process.platform === "win32";
const place = new Workplace();
const at = (...path: string[]): string => join(place.path, ...path);

beforeAll(async () => {
  await place.prepare();
  const { code } = await place.fmlora(
    [...QUICK, "--method", "ncm", "--out", "run"].filter(
      (word, i, all) => word !== "--rank" && all[i - 1] !== "--rank",
    ),
  );
  expect(code).toBe(0);
}, 240_000);
afterAll(() => place.remove());

/** A copy of the model whose description is changed. */
function modelWith(name: string, change: object): void {
  cpSync(at("run", "model"), at(name), { recursive: true });
  const file = at(name, "model.safetensors");
  const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
  const description = { ...JSON.parse(metadata["fm-lora"]!), ...change };
  writeFileSync(file, encodeSafetensors(tensors, { "fm-lora": JSON.stringify(description) }));
}

test("escapes in the names of tensors, classes, files and options reach no terminal", async () => {
  cpSync(at("backbone"), at("hostile"), { recursive: true });
  const file = at("hostile", "model.safetensors");
  const { tensors } = decodeSafetensors(readFileSync(file), file);
  writeFileSync(file, encodeSafetensors({ ...tensors, [`encoder.${ESCAPES}`]: Object.values(tensors)[0]! }));
  modelWith("hostile-model", { classNames: Array.from({ length: 6 }, (_, i) => `class ${i}${ESCAPES}`) });
  mkdirSync(at("hostile-data", `${ESCAPES.replaceAll("\u0000", "")} a`), { recursive: true });
  mkdirSync(at("hostile-data", `${ESCAPES} b`), { recursive: true });
  const image = join("images", "test", "class-0", "0.png");
  const commands = [
    ["features", image, "--backbone", "hostile", "--out", "x.npy"],
    ["predict", image, "--model", "hostile-model"],
    ["predict", image, "--model", "hostile-model", "--json"],
    ["predict", `gone${ESCAPES}.png`, "--model", "run"],
    ["predict", image, "--model", `gone${ESCAPES}`],
    ["data", "check", "folder", "--data", "hostile-data"],
    ["compare", `run:${ESCAPES}`],
    ["run", ESCAPES],
    [`--${ESCAPES}`],
  ];
  for (const command of commands) {
    const { stdout, stderr } = await place.fmlora([...command, "--debug"]);
    expect(stdout + stderr).not.toBe("");
    expect(UNCLEAN.exec(stdout + stderr), command.join(" ")).toBeNull();
  }
  const { stdout } = await place.fmlora(["predict", image, "--model", "hostile-model", "--json"]);
  expect((JSON.parse(stdout) as { class: string }).class).toContain(ESCAPES); // the same name, escaped
  expect(printableLines(`a\n${ESCAPES}`)).toMatch(/^a\n /);
}, 240_000);

test("a readout that every object has is none", async () => {
  for (const name of ["toString", "__proto__", "constructor"]) {
    expect(await place.refused("compare", `run:${name}`)).toBe(
      `fmlora: ${join("run", "metrics.json")}: there is no head "${name}"; it has: ncm, lda [2]`,
    );
  }
});

test("names of domains and methods stay in their cells of a Markdown table", async () => {
  const metrics = JSON.parse(readFileSync(at("run", "metrics.json"), "utf8")) as Record<string, unknown>;
  mkdirSync(at("named"));
  const method = "a|b <img src=x onerror=alert(1)> `c` ~~d~~";
  writeFileSync(at("named", "metrics.json"), JSON.stringify({ ...metrics, method }));
  const { stdout } = await place.fmlora(["compare", "named", "run", "--format", "markdown"]);
  expect(stdout).toContain("a\\|b \\<img src=x onerror=alert(1)\\> \\`c\\` \\~\\~d\\~\\~");
  expect(stdout).not.toMatch(/[^\\]<img/);
});

test.skipIf(process.platform !== "linux")(
  "output that can't be written is one line and exit code 2",
  () => {
    const commands = [
      "compare run",
      "predict images --model run --json",
      "methods",
      "--help",
      `${QUICK.filter((word, i) => word !== "--rank" && QUICK[i - 1] !== "--rank").join(" ")} --method ncm --json --out full`,
    ];
    for (const command of commands) {
      const shell = `"${process.execPath}" "${MAIN}" ${command} > /dev/full`;
      const { status, stderr } = spawnSync("sh", ["-c", shell], { cwd: place.path, encoding: "utf8" });
      const lines = stderr
        .trimEnd()
        .split("\n")
        .filter((line) => line.startsWith("fmlora:"));
      expect([status, lines.length, stderr.includes("    at ")], command).toEqual([2, 1, false]);
      expect(lines[0]).toMatch(/^fmlora: standard output:? cannot be written: /);
    }
  },
  60_000,
);

test.skipIf(WINDOWS)("a pipe among the images is named, and nobody waits for it", async () => {
  spawnSync("mkfifo", [at("pipe.png")]);
  expect(await place.refused("predict", "pipe.png", "--model", "run")).toBe(
    "fmlora: pipe.png: is a pipe or a device, not a regular file; name a file [2]",
  );
  expect(await place.refused("predict", "/dev/zero", "--model", "run")).toBe(
    "fmlora: /dev/zero: is a pipe or a device, not a regular file; name a file [2]",
  );
});

test("predict says whom a model makes it ask, before it does; --offline forbids it", async () => {
  const files = Object.fromEntries(
    ["config.json", "preprocessor_config.json", "model.safetensors"].map((name) => [
      name,
      readFileSync(at("backbone", name)),
    ]),
  );
  const hub = await new MockHub({ "models/org/tiny": { files } }).start();
  modelWith("from-hub", { backbone: `org/tiny@${COMMIT}` });
  process.env.HF_HOME = at("hub");
  process.env.HF_ENDPOINT = hub.url;
  try {
    const command = ["predict", join("images", "test", "class-0", "0.png"), "--model", "from-hub"];
    expect(await place.refused(...command, "--offline")).toMatch(
      /^fmlora: --backbone org\/tiny@\w+: not a folder here; from the Hub: config\.json of org\/tiny .+, and --offline forbids to fetch it; fmlora backbones fetch org\/tiny@\w+ brings it \[2\]$/,
    );
    expect(hub.requests).toEqual([]);
    const { stderr } = await place.fmlora(command);
    expect(stderr.split("\n")[0]).toBe(
      `from-hub: its backbone is org/tiny@${COMMIT} of the Hugging Face Hub; asking ${hub.url} for it (--offline forbids that)`,
    );
    const offline = await place.fmlora([...command, "--offline"]); // it is cached now
    expect([offline.code, offline.stderr]).toEqual([0, expect.stringMatching(/^note: probabilities .*\n$/)]);
  } finally {
    await hub.stop();
    delete process.env.HF_HOME;
    delete process.env.HF_ENDPOINT;
    rmSync(at("hub"), { recursive: true, force: true });
  }
});
