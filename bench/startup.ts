/**
 * @file How long a command takes before it does anything, and to classify one image.
 *
 *     npm run bench -- startup [--python PYTHON] [--quick] [--rounds N] [--threads N] [--out FILE]
 *
 * Commands take turns, each in a fresh process of the built package. PYTHON has torch, transformers and Pillow.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { SHIPPED_BACKBONES } from "../src/node/backbones/backbones.ts";
import { runBenchmark } from "../src/node/runs/run.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { besidePyTorch, conclude, ratio, rounded } from "./result.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const MAIN = path("../dist/cli/main.js");
const BACKBONE = SHIPPED_BACKBONES[0];

/** Runs a command and returns its milliseconds. @throws if it fails */
function timed(command: string, args: readonly string[]): number {
  const began = performance.now();
  const { status, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, HF_HUB_OFFLINE: "1" },
  });
  if (status !== 0)
    throw new Error(`${command} ${args[0]}: ${error?.message ?? stderr.trim().split("\n").at(-1)}`);
  return performance.now() - began;
}

async function measure(folder: string): Promise<void> {
  const built = spawnSync(process.execPath, [path("../scripts/bootstrap.mjs"), "build"], {
    stdio: "inherit",
  });
  if (built.status !== 0) throw new Error("the package doesn't build: see above");
  const image = join(folder, "image.png");
  const raw = { width: 80, height: 60, channels: 3 } as const;
  writeFileSync(
    image,
    await sharp(Buffer.alloc(80 * 60 * 3, 128), { raw })
      .png()
      .toBuffer(),
  );
  const model = join(folder, "run");
  await runBenchmark({
    benchmark: "emoji",
    benchmarkOptions: { classes: 4 },
    out: model,
    tasks: 1,
    epochs: 1,
    firstEpochs: 1,
  });
  const python = pythonWith(options, ["torch", "transformers", "pillow"]);
  const backbone = path(`../models/${BACKBONE}`);
  const commands: { name: string; command: string; args: string[] }[] = [
    { name: "node -e 0", command: process.execPath, args: ["-e", "0"] },
    { name: "fmlora --help", command: process.execPath, args: [MAIN, "--help"] },
    {
      name: "fmlora predict, one image",
      command: process.execPath,
      args: [MAIN, "predict", image, "--model", model],
    },
  ];
  if (python !== undefined) {
    const args = [path("peers/one_image.py"), backbone, image, `${options.threads}`];
    commands.push({ name: "PyTorch + transformers, features of one image", command: python.command, args });
  }
  const times = commands.map((each) => ({ ...each, milliseconds: [] as number[] }));
  const rounds = options.rounds ?? (options.quick ? 1 : 10);
  const first = options.quick ? 0 : -1; // round -1 fills the disk's cache
  for (let round = first; round < rounds; round++) {
    for (const { command, args, milliseconds } of times) {
      const taken = timed(command, args);
      if (round >= 0) milliseconds.push(taken);
    }
  }
  const results = times.map(({ name, milliseconds }) => ({ name, ...bestAndMedian(milliseconds) }));
  const [, , predict, peer] = results;
  conclude(
    "startup",
    {
      title: "From nothing to an answer",
      what: `A fresh process each, ${BACKBONE}; the model knows 4 classes.`,
      cases: [
        {
          name: "Commands",
          settings: { rounds },
          sides: results.map(({ name, best, median }) => ({
            name,
            values: { "ms, best": rounded(best, 3), "ms, median": rounded(median, 3) },
          })),
          ratios:
            peer === undefined
              ? []
              : [
                  ratio(`time, ${predict!.name} / ${peer.name}`, [
                    predict!.best / peer.best,
                    predict!.median / peer.median,
                  ]),
                ],
        },
      ],
      ...besidePyTorch(python, options),
    },
    options,
  );
}

const options = benchOptions();
await inTemporaryFolder(measure);
