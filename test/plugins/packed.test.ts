/** @file The example plugin as a user has it: in a folder with the packed package, nothing from this checkout's sources. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const place = mkdtempSync(join(tmpdir(), "fm-lora-packed-"));
const at = (...path: string[]): string => join(place, ...path);

/** A method that comes along, under another name and with an option more: whatever a method is, this is one. */
const METHOD_PLUGIN = `
  import { METHODS } from "fm-lora";
  import * as z from "zod";
  const { options, ...lda } = METHODS.find(({ name }) => name === "lda");
  const more = { keenness: z.number().min(0).default(1).describe("how keen it is") };
  export default { methods: [{ ...lda, name: "keen-lda", options: options.extend(more), create: lda.create }] };
`;

// No registry: the tarball is unpacked where npm would put it, and finds its dependencies in this checkout.
beforeAll(() => {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  execFileSync(npm, ["pack", "--ignore-scripts", "--silent", "--pack-destination", place], { cwd: ROOT });
  const tarball = readdirSync(place).find((name) => name.endsWith(".tgz"))!;
  execFileSync("tar", ["-xzf", tarball], { cwd: place });
  mkdirSync(at("node_modules"));
  cpSync(at("package"), at("node_modules", "fm-lora"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), at("node_modules", "fm-lora", "node_modules"), "junction");
  symlinkSync(join(ROOT, "node_modules", "zod"), at("node_modules", "zod"), "junction");
  const example = join(ROOT, "examples", "plugin");
  cpSync(example, at("plugin"), { recursive: true });
  cpSync(example, at("node_modules", "fm-lora-plugin-example"), { recursive: true });
  writeFileSync(at("method.mjs"), METHOD_PLUGIN);
  writeTinyBackbone(at("backbone"));
}, 120_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

function fmlora(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const main = at("node_modules", "fm-lora", "bin", "fmlora.mjs");
  const env = { ...process.env, CI: undefined, NO_COLOR: "1", COLUMNS: "100" };
  return spawnSync(process.execPath, [main, ...args], { cwd: place, encoding: "utf8", env });
}
const refused = (...args: string[]): string => {
  const { status, stdout, stderr } = fmlora(...args);
  return `${stdout}${stderr.trimEnd()} [${status}]`;
};
const json = (...path: string[]) => JSON.parse(readFileSync(at(...path), "utf8"));
const QUICK = ["--backbone", "backbone", "--threads", "1", "--epochs", "1", "--micro-batch", "4"];
const BOTH = ["--plugin", "./plugin", "--plugin=./method.mjs"];

test("the package has its notices and no maps without sources; without a build, its command says what to do", () => {
  const files = readdirSync(at("package"), { recursive: true, encoding: "utf8" });
  expect(files.filter((file) => !file.includes("/")).toSorted()).toEqual(
    "CHANGELOG.md LICENSE NOTICE README.md bin dist docs models package.json".split(" "),
  );
  expect(files.filter((file) => file.endsWith(".map"))).toEqual([]);
  rmSync(at("package", "dist"), { recursive: true });
  const command = spawnSync(process.execPath, [at("package", "bin", "fmlora.mjs"), "methods"], {
    encoding: "utf8",
  });
  expect(command).toMatchObject({
    status: 2,
    stdout: "",
    stderr: "fmlora: this clone is not built yet: run `npm ci` and `npm run build`, or `npm start`\n",
  });
});

test("CommonJS has it by require", () => {
  writeFileSync(
    at("program.cjs"),
    `const { openLearner } = require("fm-lora/node"); console.log(typeof openLearner, require("fm-lora").METHODS.length > 0);`,
  );
  const { status, stdout } = spawnSync(process.execPath, [at("program.cjs")], {
    cwd: place,
    encoding: "utf8",
  });
  expect({ status, stdout }).toEqual({ status: 0, stdout: "function true\n" });
});

describe("the example's benchmark", () => {
  test("runs by the plugin's path and by its package's name, with options of its own", () => {
    const own = ["--classes", "4", "--tasks", "2"];
    const run = fmlora("run", "stripes", "--plugin", "./plugin", ...own, ...QUICK);
    expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining("fm-lora on stripes, backbone") });
    const config = json("runs", "stripes-fm-lora-seed1993", "config.json");
    const benchmarkOptions = { classes: 4, images: 8, noise: 0.1 };
    expect(config).toMatchObject({ benchmark: "stripes", benchmarkOptions, plugins: ["./plugin"] });

    const named = ["--plugin", "fm-lora-plugin-example", "--method", "lda", "--out", "named"];
    expect(fmlora("run", "stripes", ...named, ...own, ...QUICK)).toMatchObject({ status: 0 });
    expect(json("named", "config.json").plugins).toEqual(["fm-lora-plugin-example"]);
  });

  test("is in the help and in the lists, with its options", () => {
    expect(fmlora("run", "stripes", "--plugin", "./plugin", "--help").stdout).toMatch(
      /^Options of benchmark stripes:\n {2}--classes <n> +how many directions \(default: 6\)$/m,
    );
    expect(fmlora("data", "--plugin", "./plugin").stdout).toContain("\nstripes: drawn stripes, a class");
    expect(fmlora("data").stdout).not.toContain("stripes");
    expect(fmlora("data", "check", "stripes", "--plugin", "./plugin", "--images", "3").stdout).toContain(
      "stripes: 6 classes, 1 domain, 18 training and 12 test images",
    );
  });

  test("is refused what it doesn't take, in one line", () => {
    const run = (...args: string[]): string => refused("run", "stripes", ...args);
    expect(run("--plugin", "./plugin", "--noise", "2")).toBe(
      'fmlora: --noise "2": expected a number of at least 0 and at most 1 [2]',
    );
    expect(run("--plugin", "./plugin", "--test-style", "noto")).toBe(
      "fmlora: --test-style is an option of benchmark emoji; method fm-lora and benchmark stripes don't have it [2]",
    );
    expect(run()).toMatch(/^fmlora: there is no benchmark "stripes"; expected one of: cifar100, .* \[2\]$/);
    expect(run("--plugin")).toBe("fmlora: option '--plugin <module>' argument missing [2]");
    expect(run("--plugin", "./plug")).toMatch(/^fmlora: plugin \.\/plug: there is no such file in .* \[2\]$/);
    expect(run("--plugin", "./plugin", "--plugin", "./plugin/index.js")).toBe(
      'fmlora: plugin ./plugin/index.js: there is a method "probe" already; give this one another name [2]',
    );
  });

  test("has the types that fm-lora declares", () => {
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    const flags = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2023", "--skipLibCheck"];
    const { stdout } = spawnSync(
      process.execPath,
      [tsc, ...flags, "--module", "nodenext", "plugin/index.js"],
      {
        cwd: place,
        encoding: "utf8",
      },
    );
    expect(stdout).toBe("");
  });
});

describe("the example's method and head", () => {
  test("run together, beside the heads of the package, and classify", async () => {
    const run = [
      "run",
      "stripes",
      "--plugin",
      "./plugin",
      "--classes",
      "4",
      "--tasks",
      "2",
      "--method",
      "probe",
    ];
    const found = fmlora(
      ...run,
      "--heads",
      "rows,medians,lda",
      "--median-scale",
      "2",
      ...QUICK,
      "--out",
      "probe",
    );
    expect(found).toMatchObject({ status: 0, stderr: expect.stringContaining("task 2/2") });
    const metrics = json("probe", "metrics.json");
    expect(Object.keys(metrics.readouts)).toEqual(["rows", "medians", "lda"]);
    expect(json("probe", "config.json")).toMatchObject({
      heads: ["rows", "medians", "lda"],
      drift: "none",
      headOptions: { medianScale: 2, shrinkage: 0.1 },
    });
    const resumed = fmlora(
      ...run,
      "--heads",
      "rows,medians,lda",
      "--median-scale",
      "2",
      ...QUICK,
      "--out",
      "probe",
      "--resume",
    );
    expect(resumed).toMatchObject({ status: 0 });
    const compared = fmlora("compare", "probe", "probe:medians", "probe:lda").stdout;
    expect(compared).toMatch(/^probe +rows /m);
    for (const head of ["medians", "lda"])
      expect(compared).toMatch(new RegExp(`^probe/${head} +${head} `, "m"));
    const gray = { width: 32, height: 32, channels: 3, background: "gray" } as const;
    await sharp({ create: gray }).png().toFile(at("gray.png"));
    const predict = ["predict", "gray.png", "--model", "probe", "--readout", "medians"];
    expect(fmlora(...predict, "--plugin", "./plugin")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^gray\.png: \d+ degrees [\d.]+ \(distance [\d.]+\)\n$/),
    });
    expect(refused("run", "stripes", "--plugin", "./plugin", "--heads", "median")).toMatch(
      /^fmlora: there is no head "median" \(did you mean medians\?\); expected all, or some of: aligned, gaussian, lda, ncm, ranpac, rows, medians \[2\]$/,
    );
  });

  test("pass fm-lora's conformance suite", () => {
    const program = `
      import { nodeRuntime } from "fm-lora/node";
      import { checkHead, checkMethod } from "fm-lora/testing";
      import plugin from "./plugin/index.js";
      await checkMethod(plugin.methods[0], { runtime: nodeRuntime({ threads: 1 }), floor: 0.4, knownHeads: plugin.heads });
      await checkHead(plugin.heads[0]);
      console.log("held");
    `;
    writeFileSync(at("check.mjs"), program);
    const { stdout, stderr } = spawnSync(process.execPath, ["check.mjs"], { cwd: place, encoding: "utf8" });
    expect({ stdout, stderr }).toEqual({ stdout: "held\n", stderr: "" });
  });
});

describe("a plugin's method", () => {
  test("runs, is listed, and classifies with its plugin; without, the line says what to pass", async () => {
    const run = ["run", "stripes", "--method", "keen-lda", "--tasks", "2", ...QUICK, "--out", "keen"];
    expect(fmlora(...run, ...BOTH, "--keenness", "2")).toMatchObject({ status: 0 });
    const config = json("keen", "config.json");
    expect(config.methodOptions).toMatchObject({ keenness: 2 });
    expect(config.plugins).toEqual(["./plugin", "./method.mjs"]);
    expect(json("keen", "model", "model.json").plugins).toEqual(config.plugins);

    expect(fmlora("methods", "keen-lda", "--plugin", "./method.mjs").stdout).toMatch(
      /--keenness <n> +how keen it is \(default: 1\)$/m,
    );
    const gray = { width: 32, height: 32, channels: 3, background: "gray" } as const;
    await sharp({ create: gray }).png().toFile(at("image.png"));
    const predict = ["predict", "image.png", "--model", "keen"];
    expect(fmlora(...predict, "--plugin", "./method.mjs")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^image\.png: \d+ degrees [\d.]+ \(distance [\d.]+\)\n$/),
    });
    const advice = "it was made with plugins: add --plugin ./plugin --plugin ./method.mjs [2]";
    expect(refused(...predict)).toBe(`fmlora: there is no method "keen-lda"; ${advice}`);
    expect(refused(...run, "--keenness", "2", "--resume")).toMatch(/^fmlora: unknown option '--keenness'/);
    expect(refused(...run, "--resume")).toBe(`fmlora: there is no benchmark "stripes"; ${advice}`);
    expect(fmlora(...run, ...BOTH, "--keenness", "2", "--resume")).toMatchObject({ status: 0 });
  });
});
