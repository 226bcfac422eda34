/** @file `fmlora run` from start to report, stopped and resumed, and what it refuses. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { QUICK, Workplace } from "./command.ts";

const place = new Workplace();
beforeAll(() => place.prepare());
afterAll(() => place.remove());

const read = (...path: string[]): string => readFileSync(join(place.path, ...path), "utf8");

describe("a run", () => {
  test("ends with its table, its report and a line for every task", async () => {
    const { code, stdout, stderr } = await place.fmlora([...QUICK, "--no-protection", "--prompts"]);
    expect({ code, stderr: stderr.split("\n").filter((line) => line.startsWith("fmlora:")) }).toEqual({
      code: 0,
      stderr: [],
    });
    expect(stderr).toMatch(/^fm-lora on folder: 3 tasks, 6 classes, backbone backbone\n/);
    expect(stderr).toContain(
      "\nnote: 4 prompt tokens beside 17: 23.5 % more tokens in every forward pass (--no-prompts: none)\n",
    );
    for (const task of ["task 1/3", "task 2/3", "task 3/3"]) {
      expect(stderr).toMatch(new RegExp(`^${task} done in [\\d.]+ s: [\\d.]+ % of all test images`, "m"));
    }
    expect(stdout).toContain(
      "fm-lora on folder as images, backbone, seed 5, order seed 1993, readout gaussian",
    );
    const out = join("runs", "folder-fm-lora-seed5");
    expect(stdout).toContain(`report: ${join(out, "report.html")} (open it in a browser: `);
    const report = read(out, "report.html");
    expect(report).toMatch(/^<!doctype html>/);
    const titles = [
      "Accuracy matrix",
      "Accuracy over tasks",
      "Ranks",
      "Similarity of tasks",
      "Configuration",
    ];
    for (const title of titles) expect(report).toContain(`<h2>${title}</h2>`);
    const config = JSON.parse(read(out, "config.json"));
    expect(config).toMatchObject({ method: "fm-lora", tasks: 3, epochs: 2, seed: 5 });
    expect(config.methodOptions).toMatchObject({ rank: 8, prompts: true, protection: false });
  });

  test("--json prints events alone on standard output, one a line", async () => {
    const { code, stdout } = await place.fmlora([...QUICK, "--json", "--out", "json"]);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { type: string });
    expect(code).toBe(0);
    expect(events[0]!.type).toBe("run-start");
    expect(events.at(-1)!.type).toBe("run-end");
    expect(events.filter(({ type }) => type === "task-end")).toHaveLength(3);
  });

  test("Ctrl-C stops it with exit code 130, and --resume ends where an uninterrupted run ends", async () => {
    const slow = [...QUICK, "--json", "--epochs", "6"];
    const whole = await place.fmlora([...slow, "--out", "whole"]);
    expect(whole.code).toBe(0);
    let stopped = false;
    const first = await place.fmlora([...slow, "--out", "stopped"], (text, kill) => {
      if (stopped || !/"type":"epoch","task":1/.test(text)) return;
      stopped = true;
      kill("SIGINT");
    });
    expect(first.stderr).toContain("fmlora: stopped; continue with the same command and --resume\n");
    expect(first.code).toBe(130);
    expect(existsSync(join(place.path, "stopped", "metrics.json"))).toBe(false);
    const second = await place.fmlora([...slow, "--out", "stopped", "--resume"]);
    expect(second).toMatchObject({ code: 0 });
    expect(second.stdout).toContain('"type":"resume"');
    const matrix = (out: string): unknown => JSON.parse(read(out, "metrics.json")).accuracyMatrix;
    expect(matrix("stopped")).toEqual(matrix("whole"));
  });

  test("a reader that goes away early, as head does, is no error", async () => {
    const main = new URL("../../dist/cli/main.js", import.meta.url).pathname;
    const { status, stdout, stderr } = spawnSync(
      "bash",
      ["-c", `"$0" "$1" methods | head -n 1; exit \${PIPESTATUS[0]}`, process.execPath, main],
      { encoding: "utf8" },
    );
    expect({ status, stderr, first: stdout.slice(0, 8) }).toEqual({
      status: 0,
      stderr: "",
      first: "fm-lora:",
    });
  });
});

describe("one line and exit code 2 for", () => {
  test("a data folder that is not there", async () => {
    expect(await place.refused(...QUICK, "--data", "nowhere", "--out", "x")).toMatchInlineSnapshot(
      `"fmlora: nowhere: no such folder; expected a folder with images [2]"`,
    );
  });

  test("no data folder at all", async () => {
    expect(await place.refused("run", "cifar100", "--backbone", "backbone")).toMatchInlineSnapshot(
      `"fmlora: cifar100: no data folder given; it needs a folder with cifar-100-binary.tar.gz or its files (train.bin, test.bin, fine_label_names.txt), or cifar-100-python.tar.gz or its files (train, test, meta), or the Hub's parquet files, or train/<class>/ and test/<class>/ with images [2]"`,
    );
  });

  test("a binary that is not a whole number of records", async () => {
    mkdirSync(join(place.path, "cifar"));
    writeFileSync(join(place.path, "cifar", "train.bin"), new Uint8Array(3074 + 100));
    writeFileSync(join(place.path, "cifar", "test.bin"), new Uint8Array(3074));
    writeFileSync(
      join(place.path, "cifar", "fine_label_names.txt"),
      Array.from({ length: 100 }, (_, i) => `c${i}\n`).join(""),
    );
    const line = await place.refused("run", "cifar100", "--data", "cifar", "--backbone", "backbone");
    expect(line).toMatchInlineSnapshot(
      `"fmlora: train.bin: 3174 bytes are not a whole number of CIFAR-100 records of 3074 bytes; download or unpack the file again (the binary version) [2]"`,
    );
  });

  test("a config.json that does not match the weights", async () => {
    cpSync(join(place.path, "backbone"), join(place.path, "changed"), { recursive: true });
    const config = JSON.parse(read("changed", "config.json"));
    writeFileSync(
      join(place.path, "changed", "config.json"),
      JSON.stringify({ ...config, num_hidden_layers: 1 }),
    );
    expect(await place.refused(...QUICK, "--backbone", "changed", "--out", "x")).toMatchInlineSnapshot(
      `"fmlora: changed/model.safetensors: 16 tensors that this vit (1 layers) has no use for, first encoder.layer.1.attention.attention.key.bias; config.json doesn't match the weights [2]"`,
    );
  });

  test("parts in float32 where everything is", async () => {
    const parts = [...QUICK, "--float32-parts", "gradients", "--out", "parts"];
    expect(await place.refused(...parts)).toMatchInlineSnapshot(
      `"fmlora: --float32-parts goes with --precision int8: without it everything is in float32 [2]"`,
    );
  });

  test("names that are not known", async () => {
    expect(await place.refused("run", "cifar10")).toMatchInlineSnapshot(
      `"fmlora: there is no benchmark "cifar10" (did you mean cifar100?); expected one of: cifar100, cub200, domainnet, domainnet-cil, emoji, emoji-styles, folder, imagenet-r, pacs, permuted [2]"`,
    );
    expect(await place.refused("run", "emoji", "--method", "fmlora")).toMatchInlineSnapshot(
      `"fmlora: there is no method "fmlora" (did you mean fm-lora?); expected one of: fm-lora, seq-lora, first-task, ncm, lda, linear-probe, l2p, dualprompt, coda-prompt, inflora, sd-lora, ewc-lora, loda, e2-lora, ease, cl-lora, tuna, ssiat, sldc, slca, fine-tuning, joint [2]"`,
    );
    expect(await place.refused("run", "emoji", "--epoch", "3")).toMatchInlineSnapshot(
      `"fmlora: unknown option '--epoch' (did you mean --epochs?) [2]"`,
    );
    expect(await place.refused("rum", "emoji")).toMatchInlineSnapshot(
      `"fmlora: unknown command 'rum' (did you mean run?) [2]"`,
    );
    expect(await place.refused(...QUICK, "--backbone", "vit-huge")).toMatchInlineSnapshot(
      `"fmlora: --backbone vit-huge: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name [2]"`,
    );
  });

  test("values that are not possible", async () => {
    expect(await place.refused("run", "emoji", "--epochs", "0")).toMatchInlineSnapshot(
      `"fmlora: --epochs "0": expected a whole number above 0 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--epochs", "three")).toMatchInlineSnapshot(
      `"fmlora: --epochs "three": expected a whole number above 0 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--threads", "1000000")).toMatchInlineSnapshot(
      `"fmlora: --threads "1000000": expected a whole number above 0 and at most 1024 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--prompt-step", "1.5")).toMatchInlineSnapshot(
      `"fmlora: --prompt-step "1.5": expected a number of at least 0 and at most 1 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--sites", "query,gate")).toMatchInlineSnapshot(
      `"fmlora: --sites "query,gate": expected a list, separated by commas, of: query, key, value, output, fc1, fc2 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--evaluate-on", "train")).toMatchInlineSnapshot(
      `"fmlora: --evaluate-on "train": expected one of: test, validation [2]"`,
    );
    expect(await place.refused("run", "emoji", "--classes", "many")).toMatchInlineSnapshot(
      `"fmlora: --classes "many": expected a whole number of at least 2 [2]"`,
    );
    expect(await place.refused("run", "emoji", "--epochs")).toMatchInlineSnapshot(
      `"fmlora: option '--epochs <n>' argument missing [2]"`,
    );
  });

  test("an option of another method or benchmark", async () => {
    expect(await place.refused("run", "emoji", "--method", "ncm", "--rank", "4")).toMatchInlineSnapshot(
      `"fmlora: --rank is an option of method fm-lora, method seq-lora, method first-task, method inflora, method sd-lora, method ewc-lora, method loda, method cl-lora, method sldc, method joint; method ncm and benchmark emoji don't have it [2]"`,
    );
    expect(await place.refused(...QUICK, "--least-emoji", "8")).toMatchInlineSnapshot(
      `"fmlora: --least-emoji is an option of benchmark emoji-styles; method fm-lora and benchmark folder don't have it [2]"`,
    );
  });

  test("a folder that has a run already, and a resume with other options", async () => {
    const lda = [...QUICK.slice(0, QUICK.indexOf("--rank")), "--method", "lda", "--out", "taken"];
    expect(await place.fmlora(lda)).toMatchObject({ code: 0 });
    expect(await place.refused(...lda)).toMatchInlineSnapshot(
      `"fmlora: taken: a run is already there; continue it with --resume, or choose another --out [2]"`,
    );
    expect(await place.refused(...lda, "--resume", "--tasks", "2")).toMatchInlineSnapshot(
      `"fmlora: taken/config.json: the run there has tasks 3, now it is 2; resume with the same options, or choose another --out [2]"`,
    );
    expect(await place.refused(...lda, "--resume", "--shrinkage", "0.5")).toMatch(
      /^fmlora: taken.config\.json: the run there has headOptions.*shrinkage.*0\.1.*, now it is .*0\.5.*; resume with the same options, or choose another --out \[2\]$/,
    );
  });

  test("an --out that is a file", async () => {
    writeFileSync(join(place.path, "file"), "");
    expect(await place.refused(...QUICK, "--out", "file")).toMatchInlineSnapshot(
      `"fmlora: file/config.json: cannot be written: a part of the path is a file, not a folder; choose another --out [2]"`,
    );
  });

  test.skipIf(process.getuid?.() === 0)("an --out without permission", async () => {
    mkdirSync(join(place.path, "locked"));
    chmodSync(join(place.path, "locked"), 0o500);
    expect(await place.refused(...QUICK, "--out", join("locked", "run"))).toMatch(
      /^fmlora: .*cannot be written: no permission to write there; choose another --out \[2\]$/,
    );
  });

  test("an image that cannot be decoded, by its name; --unreadable skip goes on without it", async () => {
    cpSync(join(place.path, "images"), join(place.path, "damaged"), { recursive: true });
    writeFileSync(join(place.path, "damaged", "train", "class-2", "3.png"), "no image");
    const lda = [
      "run",
      "folder",
      "--data",
      "damaged",
      "--backbone",
      "backbone",
      "--method",
      "lda",
      "--tasks",
      "2",
    ];
    const { code, stderr } = await place.fmlora([...lda, "--out", "strict"]);
    expect(stderr.split("\n").at(-2)).toMatchInlineSnapshot(
      `"fmlora: train/class-2/3.png: expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it"`,
    );
    expect(code).toBe(2);
    const skipping = await place.fmlora([...lda, "--out", "skipping", "--unreadable", "skip"]);
    expect(skipping.code).toBe(0);
    expect(skipping.stderr).toMatch(/^skipped train\/class-2\/3\.png: .*expected a JPEG/m);
  });
});
