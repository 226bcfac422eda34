/** @file A resumed run goes on with what it began with, wherever that lies now; anything else is refused and named. */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openModel } from "../../../src/node/runs/model.ts";
import type { RunRequest } from "../../../src/node/runs/request.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { toyRequest } from "../../support/toy-folder.ts";

let root: string;
let request: Omit<RunRequest, "out" | "resume">;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-identity-"));
  request = { ...(await toyRequest(root)), epochs: 1, firstEpochs: 1 };
  await runBenchmark({ ...request, out: join(root, "whole"), resume: false });
}, 60_000);
afterAll(() => rmSync(root, { recursive: true }));

describe("a run is known by what is in it", () => {
  const copy = (
    name: string,
  ): { readonly out: string; readonly notices: string[]; run(changes?: object): Promise<unknown> } => {
    const out = join(root, name);
    cpSync(join(root, "whole"), out, { recursive: true });
    const notices: string[] = [];
    const listen = (event: RunEvent): void => {
      if (event.type === "notice") notices.push(event.text);
    };
    return {
      out,
      notices,
      run: (changes = {}) => runBenchmark({ ...request, ...changes, out, resume: true, listen }),
    };
  };

  test("threads and places may be others, and a notice says so", async () => {
    const { notices, run } = copy("moved");
    const [data, backbone] = [join(root, "other-images"), join(root, "other-backbone")];
    cpSync(request.data!, data, { recursive: true });
    cpSync(request.backbone!, backbone, { recursive: true });
    await run({ threads: 2, data, backbone });
    const same = (name: string, before: unknown, now: string): string =>
      `its ${name} was ${before} and is ${now} now, with the same content`;
    expect(notices.toSorted()).toEqual(
      [
        "it ran on 1 threads and goes on with 2: results are equal bit for bit on the same number only",
        same("data", request.data, data),
        same("backbone", request.backbone, backbone),
      ].toSorted(),
    );
  });

  test("a run from before there were devices goes on on the processor", async () => {
    const { out, notices, run } = copy("before-devices");
    const file = join(out, "config.json");
    const { device, ...before } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    expect(device).toBe("cpu");
    writeFileSync(file, JSON.stringify(before));
    await run();
    expect(notices).toEqual([]);
  });

  test("other weights of the same shape, and other classes, are refused and named", async () => {
    const { run } = copy("other");
    const backbone = join(root, "changed-backbone");
    cpSync(request.backbone!, backbone, { recursive: true });
    const file = join(backbone, "model.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    await expect(run({ backbone })).rejects.toThrow(
      /config\.json: the run there was trained on other weights \(SHA-256 [0-9a-f]{12}, now [0-9a-f]{12}\); give it the backbone that it had, or choose another --out$/,
    );
    await expect(openModel(join(root, "whole"), { backbone, threads: 1 })).rejects.toThrow(
      /was trained on other weights than .*changed-backbone has \(SHA-256 [0-9a-f]{12}, here [0-9a-f]{12}\)/,
    );
    const data = join(root, "changed-images");
    cpSync(request.data!, data, { recursive: true });
    for (const part of ["train", "test"]) renameSync(join(data, part, "class-0"), join(data, part, "fox"));
    await expect(run({ data })).rejects.toThrow(
      /the classes are no longer those of the run there: now they are without "class-0" and with "fox"; put them back/,
    );
  });

  test("an image added, removed or replaced is seen", async () => {
    const { run } = copy("images");
    const changed = (name: string, change: (folder: string) => void): string => {
      const data = join(root, name);
      cpSync(request.data!, data, { recursive: true });
      change(join(data, "train", "class-1"));
      return data;
    };
    const refusal =
      /the images are no longer those of the run there: some were added, replaced, renamed or removed since/;
    const added = changed("added", (folder) => cpSync(join(folder, "0.png"), join(folder, "99.png")));
    const removed = changed("removed", (folder) => rmSync(join(folder, "0.png")));
    const replaced = changed("replaced", (folder) =>
      writeFileSync(
        join(folder, "0.png"),
        Buffer.concat([readFileSync(join(folder, "0.png")), Buffer.from("x")]),
      ),
    );
    for (const data of [added, removed, replaced]) await expect(run({ data })).rejects.toThrow(refusal);
  });

  test("a changed digit in either log is found before anything is trained", async () => {
    for (const log of ["tasks.jsonl", "events.jsonl"]) {
      const { out, run } = copy(`damaged-${log}`);
      const file = join(out, log);
      writeFileSync(
        file,
        readFileSync(file, "utf8").replace(/:[0-9]/, (digit) => `:${(Number(digit[1]) + 1) % 10}`),
      );
      await expect(run()).rejects.toThrow(`${log}: is not as the run wrote it (its checksum is wrong)`);
    }
  });

  test("results without config.json are never overwritten", async () => {
    const { out } = copy("orphan");
    rmSync(join(out, "config.json"));
    const kept = readFileSync(join(out, "metrics.json"));
    for (const resume of [false, true]) {
      await expect(runBenchmark({ ...request, out, resume })).rejects.toThrow(
        /has checkpoint\.safetensors and no config\.json: a run's results, which would be overwritten/,
      );
    }
    expect(readFileSync(join(out, "metrics.json"))).toEqual(kept);
  });
});
