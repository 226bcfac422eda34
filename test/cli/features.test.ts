/** @file `fmlora features` over folders and many files, and what the user sees of a download. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { COMMIT, MockHub } from "../node/hub/mock-hub.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { Workplace } from "./command.ts";

const place = new Workplace();
let hub: MockHub;
beforeAll(async () => {
  await place.prepare();
  const file = (name: string): Buffer => readFileSync(join(place.path, "backbone", name));
  const names = ["config.json", "preprocessor_config.json", "model.safetensors"];
  const files = Object.fromEntries(names.map((name) => [name, file(name)]));
  hub = await new MockHub({ "models/org/tiny": { files } }).start();
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HOME", join(place.path, "hf"));
}, 60_000);
afterAll(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  place.remove();
});

/** Shape in the header, and the rows. */
function readNpy(name: string): { shape: string; rows: Float32Array } {
  const bytes = readFileSync(join(place.path, name));
  const start = 10 + bytes.readUInt16LE(8);
  expect(start % 64).toBe(0);
  const shape = /'shape': \((.*?)\)/.exec(bytes.toString("latin1", 10, start))![1]!;
  return { shape, rows: new Float32Array(new Uint8Array(bytes.subarray(start)).buffer) };
}

const testImage = (label: number): string => join("images", "test", `class-${label}`, "0.png");

const images = (): string[] =>
  readdirSync(join(place.path, "images/test"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".png"))
    .sort();

test("a folder stands for all images in it, in the order of their paths", async () => {
  writeFileSync(join(place.path, "images/test/notes.txt"), "no image");
  const common = ["--backbone", "backbone", "--out"];
  await place.fmlora(["features", "images/test", ...common, "folder.npy", "--names", "names.txt"]);
  const each = images().map((name) => join("images/test", name));
  await place.fmlora(["features", ...each, ...common, "files.npy"]);
  expect(readNpy("folder.npy")).toEqual(readNpy("files.npy"));
  expect(readNpy("folder.npy").shape).toBe("18, 32");
  expect(readFileSync(join(place.path, "names.txt"), "utf8")).toBe(`${each.join("\n")}\n`);
});

test("a command line of a thousand files is no trouble", async () => {
  const files = Array.from({ length: 1000 }, (_, i) =>
    join("images", "test", `class-${i % 6}`, `${i % 3}.png`),
  );
  const more = Array.from({ length: 1000 }, () => join("images", "..", "images", "test", "class-0", "0.png"));
  const command = ["features", ...files, ...more, "--backbone", "backbone", "--out", "many.npy"];
  expect(command.join(" ").length).toBeGreaterThan(50_000); // ONNX Runtime's telemetry crashed from 30,000 on
  expect(await place.fmlora(command)).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^(\d+ of 2000 images, .*\n)*many\.npy: 2000 x 32 float32\n$/),
  });
});

test("with --unreadable skip a broken image is named and gets no row", async () => {
  const broken = join(place.path, "broken");
  mkdirSync(broken);
  for (const [i, name] of images().slice(0, 3).entries()) {
    copyFileSync(join(place.path, "images/test", name), join(broken, `${2 * i}.png`));
  }
  writeFileSync(join(broken, "1.png"), "no png");
  const args = ["features", "broken", "--backbone", "backbone", "--out"];
  expect(await place.refused(...args, "refused.npy")).toMatch(/^fmlora: broken\/1\.png: .+ \[2\]$/);
  expect(readdirSync(place.path).filter((name) => name.startsWith("refused.npy"))).toEqual([]);
  const { code, stderr } = await place.fmlora([
    ...args,
    "three.npy",
    "--unreadable",
    "skip",
    "--names",
    "three.txt",
  ]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^skipped broken\/1\.png: /m);
  expect(readNpy("three.npy").shape).toBe("3, 32");
  expect(readNpy("three.npy").rows).toHaveLength(96);
  expect(readFileSync(join(place.path, "three.txt"), "utf8")).toBe(
    "broken/0.png\nbroken/2.png\nbroken/4.png\n",
  );
});

test("wrong options are one line each", async () => {
  const empty = join(place.path, "empty");
  mkdirSync(empty);
  const common = ["--backbone", "backbone", "--out", "x.npy"];
  expect(await place.refused("features", "empty", ...common)).toMatchInlineSnapshot(
    `"fmlora: empty: no images in this folder; expected .jpg, .jpeg, .png, .webp or .gif files [2]"`,
  );
  expect(
    await place.refused("features", "images/test", ...common, "--image-size", "800000"),
  ).toMatchInlineSnapshot(
    `"fmlora: --image-size "800000": expected a whole number above 0 and at most 2048 [2]"`,
  );
  expect(
    await place.refused("features", "images/test", ...common, "--unreadable", "maybe"),
  ).toMatchInlineSnapshot(
    `"fmlora: option '--unreadable <choice>' argument 'maybe' is invalid. Allowed choices are fail, skip. [2]"`,
  );
  expect(existsSync(join(place.path, "x.npy"))).toBe(false);
});

test("targets are looked at first, and Ctrl-C leaves nothing behind", async () => {
  mkdirSync(join(place.path, "taken"));
  const args = ["features", "images/test", "--backbone", "backbone", "--out"];
  expect(await place.refused(...args, "taken")).toBe("fmlora: --out taken: is a folder; name a file [2]");
  expect(await place.refused(...args, "x.npy", "--names", "taken")).toBe(
    "fmlora: --names taken: is a folder; name a file [2]",
  );
  expect(existsSync(join(place.path, "x.npy"))).toBe(false);
  // Ctrl-C once the file is there: the first block takes longer than that.
  const many = Array.from({ length: 200 }, () => "images/test");
  const out = join(place.path, "stopped", "x.npy");
  let killed = false;
  const ended = place.fmlora(
    ["features", ...many, "--backbone", "backbone", "--out", out],
    (_, kill) => {
      killed = true;
      kill("SIGINT");
    },
    [
      "--import",
      `data:text/javascript,import{existsSync}from"node:fs";const look=setInterval(()=>{if(existsSync(${JSON.stringify(join(place.path, "stopped"))})){clearInterval(look);console.log("begun")}},1)`,
    ],
  );
  const { code, stderr } = await ended;
  expect({ killed, code }).toEqual({ killed: true, code: 130 });
  expect(stderr).toMatch(/fmlora: stopped; nothing was written\n$/);
  expect(existsSync(join(place.path, "stopped"))).toBe(false);
});

test("a process that ends at once, as at a second Ctrl-C, leaves no part of the file", () => {
  const module = new URL("../../dist/node/files/npy.js", import.meta.url);
  const out = join(place.path, "at-once.npy");
  const program = `import { NpyWriter } from ${JSON.stringify(module.href)};
    await NpyWriter.open(${JSON.stringify(out)}, 4, 10);
    process.exit(130);`;
  expect(spawnSync(process.execPath, ["--input-type=module", "--eval", program]).status).toBe(130);
  expect(readdirSync(place.path).filter((name) => name.startsWith("at-once"))).toEqual([]);
});

test("four times as many images take no more memory", async () => {
  // 224 pixels, so that images that were kept would show: 0.15 MB each, 110 MB more.
  writeTinyBackbone(join(place.path, "wide"), { imageSize: 224, patchSize: 32 });
  const [first] = images();
  const counts = [256, 1024];
  for (const count of counts) {
    mkdirSync(join(place.path, `${count}`));
    for (let i = 0; i < count; i++) {
      copyFileSync(join(place.path, "images/test", first!), join(place.path, `${count}/${i}.png`));
    }
  }
  // What is alive after a collection: garbage that waits for one would hide what is kept.
  const watch = join(place.path, "watch.mjs");
  writeFileSync(
    watch,
    `let most = 0;
    setInterval(() => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      most = Math.max(most, heapUsed + external);
    }, 50).unref();
    process.on("exit", () => console.log(most / 2 ** 20, process.resourceUsage().maxRSS / 1024));`,
  );
  const flags = ["--expose-gc", "--import", pathToFileURL(watch).href];
  const peaks: number[] = [];
  for (const count of counts) {
    const args = ["features", `${count}`, "--backbone", "wide", "--out", `${count}.npy`];
    const { stdout } = await place.fmlora(args, undefined, flags);
    expect(readNpy(`${count}.npy`).shape).toBe(`${count}, 32`);
    const [alive, resident] = stdout.split(" ").map(Number) as [number, number];
    console.log(
      `features of ${count} images: ${alive.toFixed(0)} MiB alive, ${resident.toFixed(0)} MiB resident`,
    );
    peaks.push(alive);
  }
  const [few, many] = peaks as [number, number];
  expect(few).toBeGreaterThan(9); // one batch: the measurement works
  expect(many - few).toBeLessThan(55); // what is alive at a look varies by batches of 5 MB
}, 240_000);

test("a backbone of the Hub is fetched once; the command's own output stays its own", async () => {
  const features = ["features", "images/test", "--backbone", "org/tiny", "--out", "hub.npy"];
  const first = await place.fmlora(features);
  expect([first.code, first.stdout, first.stderr]).toEqual([0, "", "hub.npy: 18 x 32 float32\n"]);
  await place.fmlora(["features", "images/test", "--backbone", "backbone", "--out", "local.npy"]);
  expect(readNpy("hub.npy")).toEqual(readNpy("local.npy"));
  const requests = hub.requests.length;
  vi.stubEnv("HF_HUB_OFFLINE", "1");
  expect((await place.fmlora(features)).code).toBe(0);
  expect(await place.refused("features", "images", "--backbone", "org/other", "--out", "no.npy")).toMatch(
    /^fmlora: --backbone org\/other: .+ HF_HUB_OFFLINE=0 fmlora backbones fetch org\/other brings it \[2\]$/,
  );
  const { stdout } = await place.fmlora(["backbones"]);
  expect(stdout).toMatch(
    /^org\/tiny: vit, 32 px, patch 8, width 32, 2 blocks, [\d,]+ parameters, [\d.]+ kB, no license named$/m,
  );
  vi.stubEnv("HF_HUB_OFFLINE", "");
  expect(hub.requests).toHaveLength(requests);
});

test("backbones fetch says the name that stays; a run records it", async () => {
  const { code, stdout, stderr } = await place.fmlora(["backbones", "fetch", "org/tiny"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `org/tiny@${COMMIT}\n`, stderr: "" });
  const run = [
    "run",
    "folder",
    "--data",
    "images",
    "--backbone",
    "org/tiny",
    "--tasks",
    "2",
    "--method",
    "ncm",
  ];
  expect((await place.fmlora([...run, "--out", "run"])).code).toBe(0);
  const config = JSON.parse(readFileSync(join(place.path, "run/config.json"), "utf8")) as {
    backbone: string;
  };
  expect(config.backbone).toBe(`org/tiny@${COMMIT}`);
  vi.stubEnv("HF_HUB_OFFLINE", "1"); // a commit is never asked about
  const image = join("images/test", images()[0]!);
  expect((await place.fmlora(["predict", image, "--model", "run"])).code).toBe(0);
  vi.stubEnv("HF_HUB_OFFLINE", "");
  expect(await place.refused("backbones", "fetch", "org/none")).toContain("there is no such model");
});

describe("files one by one", () => {
  test("writes an array that NumPy's format describes, a row a file", async () => {
    const files = [testImage(0), testImage(1), testImage(0)];
    const { code, stderr } = await place.fmlora([
      "features",
      ...files,
      "--backbone",
      "backbone",
      "--out",
      "f.npy",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "f.npy: 3 x 32 float32\n" });
    const bytes = readFileSync(join(place.path, "f.npy"));
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from("\x93NUMPY\x01\x00", "latin1"));
    const header = bytes.readUInt16LE(8);
    expect((10 + header) % 64).toBe(0);
    expect(bytes.toString("latin1", 10, 10 + header).trim()).toBe(
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 32), }",
    );
    const row = (i: number): number[] =>
      Array.from({ length: 32 }, (_, k) => bytes.readFloatLE(10 + header + 4 * (32 * i + k)));
    expect(bytes.length).toBe(10 + header + 4 * 96);
    expect(row(0)).toEqual(row(2));
    expect(row(0)).not.toEqual(row(1));
    expect(row(0).every(Number.isFinite)).toBe(true);
  });

  test("writes nothing where an image can't be read", async () => {
    const line = await place.refused("features", "gone.png", "--backbone", "backbone", "--out", "none.npy");
    expect(line).toMatchInlineSnapshot(
      `"fmlora: gone.png: no such file; --unreadable skip leaves such files out [2]"`,
    );
    expect(readdirSync(place.path).filter((name) => name.startsWith("none.npy"))).toEqual([]);
  });
});
