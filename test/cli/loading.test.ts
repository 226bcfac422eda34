/** @file What commands load before they do anything: names of packages, since times depend on the machine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { registriesFor } from "../../src/cli/plugins.ts";
import { createProgram } from "../../src/cli/program.ts";
import { QUICK, Workplace } from "./command.ts";

const PRELOAD = fileURLToPath(new URL("loaded-modules.mjs", import.meta.url));
const COMMAND_LINE = ["@commander-js/extra-typings", "commander"];
/** Schemas of options, the graphs of a model, the runtime, the decoder of JPEGs. */
const ANSWERING = [
  "@bufbuild/protobuf",
  "@napi-rs/image",
  "cli-progress",
  "leven",
  "ml-matrix",
  "onnxruntime-node",
  "pure-rand",
  "zod",
];

const place = new Workplace();

beforeAll(async () => {
  await place.prepare();
  const { code } = await place.fmlora([...QUICK, "--tasks", "2", "--epochs", "1", "--out", "run"]);
  expect(code).toBe(0);
  const raw = { width: 400, height: 300, channels: 3 } as const;
  const image = sharp(Buffer.alloc(400 * 300 * 3, 99), { raw });
  await image.jpeg().toFile(join(place.path, "photo.jpg"));
}, 60_000);
afterAll(() => place.remove());

/** Packages that a command loads, but for those that ours require in turn. */
async function packagesOf(...args: string[]): Promise<string[]> {
  const log = join(place.path, `loaded-${Math.random()}`);
  const { code, stderr } = await place.fmlora(args, undefined, ["--import", PRELOAD], {
    LOADED_MODULES: log,
  });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const loaded = readFileSync(log, "utf8").split("\n");
  const names = loaded.flatMap(
    (path) => /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(path)?.[1] ?? [],
  );
  const own = Object.keys({ ...dependencies, ...optionalDependencies });
  return [...new Set(names.map((name) => name.replaceAll("\\", "/")))]
    .filter((name) => own.includes(name))
    .sort();
}

const { dependencies, optionalDependencies } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as Record<"dependencies" | "optionalDependencies", Record<string, string>>;

test("--help and --version load nothing but the command line's own library", async () => {
  expect(await packagesOf("--help")).toEqual(COMMAND_LINE);
  expect(await packagesOf("--version")).toEqual(COMMAND_LINE);
});

test("predict loads what answers, and sharp where the image is no ordinary JPEG", async () => {
  const model = ["--model", "run"];
  expect(await packagesOf("predict", "photo.jpg", ...model)).toEqual([...COMMAND_LINE, ...ANSWERING].sort());
  const png = join("images", "test", "class-0", "0.png");
  expect(await packagesOf("predict", png, ...model)).toEqual([...COMMAND_LINE, ...ANSWERING, "sharp"].sort());
});

test("the list of commands says of each what the command itself says", async () => {
  const all = (await createProgram(["--help"])).commands;
  expect(all.map((command) => command.name())).toEqual(COMMANDS.map(({ name }) => name));
  for (const [i, { name, load }] of COMMANDS.entries()) {
    const own = await load(registriesFor([]));
    const usageOf = (command: Pick<typeof own, "registeredArguments">) =>
      command.registeredArguments.map((each) => [each.name(), each.required, each.variadic]);
    expect([own.name(), usageOf(own)]).toEqual([name, usageOf(all[i]!)]);
  }
});

test("a command's own help has its description and its options", async () => {
  const called = await place.fmlora(["help", "compare"]);
  expect(called).toEqual(await place.fmlora(["compare", "--help"]));
  expect(called.stdout).toContain("differences paired by seed");
  expect(called.stdout).toContain("--reference <label>");
});
