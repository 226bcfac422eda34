/** @file One cache for us and for Python's huggingface_hub: each finds what the other fetched. Needs FMLORA_PYTHON. */
import { execFile } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { fetchRepoFile, hubSettings } from "../../../src/node/hub/index.ts";
import { MockHub } from "./mock-hub.ts";

const python = process.env.FMLORA_PYTHON;
if (python === undefined) {
  console.warn("SKIPPED: one cache for us and for huggingface_hub, because FMLORA_PYTHON is unset");
}

const FILES = ["config.json", "model.safetensors", "deep/notes.txt"];

test.skipIf(python === undefined)(
  "what either has fetched, the other finds without a request",
  async () => {
    const content = Object.fromEntries(FILES.map((name) => [name, `content of ${name}`]));
    const hub = await new MockHub({ "models/org/name": { files: content } }).start();
    const scratch = realpathSync(mkdtempSync(join(tmpdir(), "fmlora-interop-")));
    const theirs = async (what: string, home: string): Promise<string[]> => {
      const script = fileURLToPath(new URL("interop.py", import.meta.url));
      const env = { ...process.env, HF_HOME: home, HF_ENDPOINT: hub.url, HF_HUB_DISABLE_TELEMETRY: "1" };
      const { stdout } = await promisify(execFile)(python!, [script, what, "org/name", ...FILES], { env });
      return stdout.trim().split("\n");
    };
    const ours = async (home: string, offline: boolean): Promise<string[]> => {
      const settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }), offline };
      const paths: string[] = [];
      for (const path of FILES)
        paths.push(await fetchRepoFile({ repo: "org/name", type: "model", path }, settings));
      return paths;
    };
    try {
      const mine = await ours(join(scratch, "mine"), false);
      const before = hub.requests.length;
      expect(await theirs("find", join(scratch, "mine"))).toEqual(mine);
      expect(hub.requests).toHaveLength(before);
      // Online, too: Python asks for the hashes and finds every blob in its place.
      expect(await theirs("fetch", join(scratch, "mine"))).toEqual(mine);
      expect(hub.requests.slice(before).filter((line) => line.includes("GET"))).toEqual([]);

      const fetched = await theirs("fetch", join(scratch, "python"));
      expect(await ours(join(scratch, "python"), true)).toEqual(fetched);
      expect(fetched.map((path) => path.replace("/python/", "/mine/"))).toEqual(mine);
    } finally {
      await hub.stop();
      rmSync(scratch, { recursive: true });
    }
  },
  120_000,
);
