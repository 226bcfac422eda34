/** @file The commands beside `run`, and the help. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { METHODS } from "../../src/methods/index.ts";
import { benchmarks } from "../../src/node/benchmarks/index.ts";
import { flagOf } from "../../src/run/flag.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { QUICK, Workplace } from "./command.ts";

const place = new Workplace();
const image = (label: number, number = 0): string =>
  join("images", "test", `class-${label}`, `${number}.png`);

beforeAll(async () => {
  await place.prepare();
  expect(await place.fmlora([...QUICK, "--out", "fm"])).toMatchObject({ code: 0 });
  const other = [...QUICK, "--method", "seq-lora", "--out", "seq"];
  expect(await place.fmlora(other)).toMatchObject({ code: 0 });
  const rounded = [...QUICK, "--precision", "int8", "--out", "rounded"];
  expect(await place.fmlora(rounded)).toMatchObject({ code: 0 });
  const config = JSON.parse(readFileSync(join(place.path, "rounded", "config.json"), "utf8"));
  expect(config).toMatchObject({ precision: "int8", float32Parts: [] });
  expect([127, 63]).toContain(config.largestInt8Weight);
}, 60_000);
afterAll(() => place.remove());

describe("help", () => {
  test("fmlora alone lists the commands", async () => {
    const { code, stdout, stderr } = await place.fmlora(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: fmlora [options] [command]

      Continual learning for pre-trained Vision Transformers in TypeScript: new
      classes and domains, task after task, without old images

      Options:
        -V, --version                       output the version number
        -h, --help                          display help for command

      Commands:
        run [options] <benchmark>           train and evaluate a method on a stream of
                                            tasks
        tune [options] <benchmark>          choose a method's settings on held-out
                                            training images of the first tasks
        grid [options] <table>              run every combination of a file's
                                            settings: methods, seeds, benchmarks
        worker [options]                    run cells from a queue, each in a process
                                            of its own
        compare [options] <runs...>         compare finished runs: means over seeds,
                                            and differences paired by seed
        diagnose [options] <runs...>        say where finished runs lose points:
                                            passes over all their images again, for
                                            research
        learn [options] <folder>            learn the classes of a folder of images,
                                            into a new model or one that is there
        predict [options] <files...>        classify images with a model that run or
                                            learn has written
        export [options]                    write the model of a run for PEFT,
                                            transformers, transformers.js or any ONNX
                                            Runtime
        serve [options]                     answer, learn and export over HTTP, for
                                            all models of a folder
        evaluate [options] <folder>         measure a model on a folder of images, one
                                            folder a class
        info [options]                      say what a model has learned, task by
                                            task, and how large it is
        undo [options]                      take the last learn back, from the state
                                            that was kept
        rename-class [options] <old> <new>  give a class another name
        remove-class [options] <name>       take a class out of the answers; what the
                                            network learned from it stays: this is no
                                            unlearning
        features [options] <files...>       write the features (CLS token) that a
                                            backbone gives images, one row a file
        pretrain [options]                  train all weights of a ViT on labeled
                                            images: from nothing, a checkpoint or a
                                            teacher
        methods [options] [method]          list the methods and their options
        data [options]                      list the benchmarks and what they need
        backbones [options]                 list the backbones that are here, or fetch
                                            one of the Hugging Face Hub
        bench [options]                     measure training, features and prediction
                                            with a backbone on this machine
        help [command]                      display help for command
      "
    `);
  });

  test("run --help shows the options of the chosen method and benchmark only", async () => {
    const { stdout } = await place.fmlora(["run", "emoji", "--method", "ncm", "--help"]);
    const headings = stdout.split("\n").filter((line) => /^\S.*:$/.test(line));
    expect(headings).toEqual([
      "Arguments:",
      "Options:",
      "Options of a run:",
      "Options of benchmark emoji:",
      "Options of heads ncm, lda:",
    ]);
    expect(stdout).toMatch(
      /^ {2}--seed <n> +fixes everything random but the class order\s+\(default: 1993\)$/m,
    );
    expect(stdout).toMatch(
      /^ {2}--shrinkage <n> +ridge of the covariance of classes, in mean\s+diagonals\s+\(default: 0.1\)$/m,
    );
    expect(stdout).not.toContain("--rank");
  });

  test("every option of every method and benchmark is shown somewhere", async () => {
    const listed = await place.fmlora(["methods"]);
    const sections = listed.stdout.split(/^(?=\S)/m); // one a method: only its first line is not indented
    for (const { name, options } of METHODS) {
      const stdout = sections.find((section) => section.startsWith(`${name}: `));
      for (const option of Object.keys(options.shape)) {
        const flag = option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        expect(stdout).toMatch(new RegExp(`--(no-)?${flag}\\b`));
      }
    }
    const { stdout } = await place.fmlora(["data"]);
    for (const { name, needs, options } of benchmarks) {
      for (const text of [
        `${name}: `,
        needs,
        ...Object.keys(options.shape).map((option) => `--${flagOf(option)}`),
      ]) {
        expect(stdout).toContain(text);
      }
    }
  });

  test("backbones lists what is shipped, with its license", async () => {
    const { code, stdout } = await place.fmlora(["backbones"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^vit-tiny-patch8-64: vit, 64 px, patch 8, width 192, 12 blocks, [\d,]+ parameters, [\d.]+ MB, license other\n/,
    );
  });
});

describe("predict", () => {
  test.each(["fm", "rounded"])("with %s agrees with the run's own accuracy", async (model) => {
    const { code, stdout } = await place.fmlora(["predict", "images/test", "--model", model, "--json"]);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const right = lines.filter((line) => line.file.includes(`${line.class}/`)).length;
    const { lastAccuracy } = JSON.parse(readFileSync(join(place.path, model, "metrics.json"), "utf8"));
    expect(lines).toHaveLength(18);
    expect(right / 18).toBeCloseTo(lastAccuracy, 10);
    for (const { probability, probabilities } of lines) {
      const values = Object.values<number>(probabilities);
      expect(values).toHaveLength(6);
      expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 4);
      expect(Math.max(...values)).toBeCloseTo(probability, 4);
    }
  });

  test("in 8 bits, what it says of an image depends on that image alone", async () => {
    const answers = async (...files: string[]): Promise<string[]> => {
      const { stdout } = await place.fmlora(["predict", ...files, "--model", "rounded", "--json"]);
      return stdout.trimEnd().split("\n");
    };
    const [first, second] = [image(1), image(2)];
    expect(await answers(first, second)).toEqual([...(await answers(first)), ...(await answers(second))]);
  });

  test("prints name and probability, from the model/ folder and by another readout as well", async () => {
    for (const more of [["fm"], [join("fm", "model")], ["fm", "--readout", "head"]]) {
      const { code, stdout } = await place.fmlora(["predict", image(1), "--model", ...more]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^images.test.class-1.0\.png: class-\d [01]\.\d{3} \(distance \d+\.\d{2}\)\n$/);
    }
  });

  test("names images that are missing or damaged, and answers for the others", async () => {
    writeFileSync(join(place.path, "bad.jpg"), "no image");
    const { code, stdout, stderr } = await place.fmlora([
      "predict",
      "gone.png",
      image(0),
      "bad.jpg",
      "--model",
      "fm",
    ]);
    expect(stdout).toMatch(/^images.test.class-0.0\.png: class-\d/);
    expect(stderr).toMatchInlineSnapshot(`
      "note: probabilities are calibrated on the classes it knows (temperature 8.77), and may be near 1 for an image of no known class; distances well above 1 tell some of these
      fmlora: gone.png: no such file; bad.jpg: expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it
      "
    `);
    expect(code).toBe(2);
  });

  test("refuses folders without a model, other readouts and other backbones", async () => {
    expect(await place.refused("predict", image(0), "--model", "images")).toMatchInlineSnapshot(
      `"fmlora: images: there is no model (model/model.safetensors); a run writes one after its first task [2]"`,
    );
    expect(
      await place.refused("predict", image(0), "--model", "fm", "--readout", "ncm"),
    ).toMatchInlineSnapshot(
      `"fmlora: fm/model/model.safetensors: there is no head "ncm"; it has: gaussian, lda, rows [2]"`,
    );
    mkdirSync(join(place.path, "cut", "model"), { recursive: true });
    const whole = readFileSync(join(place.path, "fm", "model", "model.safetensors"));
    writeFileSync(join(place.path, "cut", "model", "model.safetensors"), whole.subarray(0, -4));
    expect(await place.refused("predict", image(0), "--model", "cut")).toMatch(
      /^fmlora: cut.model.model\.safetensors: truncated: tensor .+; download or write the file again \[2\]$/,
    );
    expect(await place.refused("predict", image(0))).toMatchInlineSnapshot(
      `"fmlora: required option '--model <folder>' not specified [2]"`,
    );
    writeTinyBackbone(join(place.path, "wide"), { width: 48 });
    const wrong = ["predict", image(0), "--model", "fm", "--backbone", "wide"];
    expect(await place.refused(...wrong)).toMatch(
      /^fmlora: fm.model.model\.safetensors: was trained on other weights than wide has \(SHA-256 [0-9a-f]{12}, here [0-9a-f]{12}\); give it the backbone that it was trained with: --backbone \[2\]$/,
    );
  });
});
