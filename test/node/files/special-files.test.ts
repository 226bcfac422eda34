/** @file Pipes, devices and links where regular files are expected: nothing waits, nothing outside is written. */
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { imagesIn } from "../../../src/cli/images.ts";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { openFolder } from "../../../src/node/benchmarks/folder.ts";
import { claimFolder } from "../../../src/node/files/claim-folder.ts";
import { readTextSync, readWhole, readWholeSync } from "../../../src/node/files/read.ts";
import { openModel } from "../../../src/node/runs/model.ts";
import { refusalIn } from "../../support/refusal.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-special-"));
afterAll(() => rmSync(root, { recursive: true }));
const at = (...path: string[]): string => join(root, ...path);
const WINDOWS = process.platform === "win32";

function pipeAt(...path: string[]): string {
  mkdirSync(join(at(...path), ".."), { recursive: true });
  execFileSync("mkfifo", [at(...path)]);
  return at(...path);
}

test("a regular file is read whole, whatever its size says, and up to its bound", async () => {
  writeFileSync(at("text"), "héllo");
  expect(readTextSync(at("text"))).toBe("héllo");
  expect(Buffer.from(await readWhole(at("text"))).toString()).toBe("héllo");
  expect(() => readWholeSync(at("text"), 5)).toThrow(`${at("text")}: larger than 5 B`);
  await expect(readWhole(at("text"), 5)).rejects.toThrow("larger than 5 B");
  if (process.platform === "linux") expect(readTextSync("/proc/self/status")).toContain("Pid:"); // says it has 0 bytes
});

test.skipIf(WINDOWS)("a file that claims more than any memory has is one line", () => {
  writeFileSync(at("sparse"), "");
  truncateSync(at("sparse"), 2 ** 42);
  expect(() => readWholeSync(at("sparse"))).toThrow(`${at("sparse")}: 4.40 TB are more than fit in memory`);
  rmSync(at("sparse"));
});

test.skipIf(WINDOWS)("a pipe and a device are refused at once, and nobody waits for a writer", async () => {
  const pipe = pipeAt("pipe");
  for (const file of [pipe, "/dev/zero"]) {
    const line = `${file}: is a pipe or a device, not a regular file; name a file`;
    expect(() => readWholeSync(file)).toThrow(line);
    await expect(readWhole(file)).rejects.toThrow(line);
  }
});

test.skipIf(WINDOWS)("so are those among images, weights, archives and models", async () => {
  pipeAt("images", "cat", "0.png");
  writeFileSync(at("images", "cat", "1.png"), "x");
  writeFileSync(at("images", "cat", "2.png"), "x");
  const images = await openFolder(at("images"));
  const listed = [...images.train, ...images.test].map(({ id }) => id);
  expect(listed.toSorted()).toEqual(["cat/1.png", "cat/2.png"]);
  expect((await imagesIn([at("images")])).files).toHaveLength(2);
  expect(await refusalIn(root, openFolder(pipeAt("set.tar")))).not.toBe("opened");
  pipeAt("backbone", "config.json");
  expect(() => loadBackbone(at("backbone"))).toThrow(/config\.json: is a pipe or a device/);
  pipeAt("model", "model.safetensors");
  expect(await refusalIn(root, openModel(at("model")))).toMatch(/model\.safetensors: is a pipe or a device/);
});

test.skipIf(WINDOWS)(
  "a run takes no folder whose files are links or pipes, and overwrites nothing",
  async () => {
    writeFileSync(at("precious"), "precious");
    mkdirSync(at("elsewhere"));
    const claim = (name: string) =>
      refusalIn(root, claimFolder(at(name), { seed: 1 }, false, [], { mayChange: () => false }));
    for (const file of [
      "config.json",
      "events.jsonl",
      "tasks.jsonl",
      "checkpoint.safetensors",
      "report.html",
    ]) {
      const name = `prepared-${file}`;
      mkdirSync(at(name));
      symlinkSync(at("precious"), at(name, file));
      expect(await claim(name)).toBe(
        `DIR/${name}/${file}: is a link; a run writes files of its own only: remove it, or choose another --out`,
      );
    }
    mkdirSync(at("linked-model"));
    symlinkSync(at("elsewhere"), at("linked-model", "model"));
    expect(await claim("linked-model")).toContain("DIR/linked-model/model: is a link;");
    pipeAt("piped", "config.json");
    expect(await claim("piped")).toContain("DIR/piped/config.json: is no regular file;");
    expect(await claim("precious")).toBe(
      "DIR/precious/config.json: cannot be written: a part of the path is a file, not a folder; choose another --out",
    );
    mkdirSync(at("locked"));
    symlinkSync(at("precious"), at("locked", ".lock"));
    const { lock } = await claimFolder(at("locked"), { seed: 1 }, false, [], { mayChange: () => false });
    lock.release();
    expect(readFileSync(at("precious"), "utf8")).toBe("precious");
  },
);
