/** @file What a learner in a browser gives other programs, and where else it takes its backbone from. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LearnerInfo } from "../../src/learner/index.ts";
import { exportModel } from "../../src/node/exports/export.ts";
import { COMMIT, MockHub } from "../node/hub/mock-hub.ts";
import { CHROMIUM } from "../support/browser.ts";
import { type LabSite, openLab } from "../support/lab.ts";
import { missing } from "../support/services.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

interface Exported {
  readonly files: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
}

const TRAIN = 8;
const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-web-along-"));
let site: LabSite;
let hub: MockHub;
let files: Readonly<Record<string, Buffer>>;

const train = (...labels: readonly number[]) =>
  Object.fromEntries(
    labels.map((label) => [
      `class-${label}`,
      Array.from({ length: TRAIN }, (_, i) => `/images/train/class-${label}/${i}.png`),
    ]),
  );

beforeAll(async () => {
  if (nothing) return;
  await writeToyFolder(join(root, "images"), { classes: 3, train: TRAIN, test: 1 });
  const tiny = writeTinyBackbone(join(root, "tiny"));
  files = Object.fromEntries(readdirSync(tiny).map((name) => [name, readFileSync(join(tiny, name))]));
  hub = await new MockHub({
    "models/org/tiny": { files },
    "models/org/closed": { files, access: "gated" },
    "models/org/split": { files: { "config.json": files["config.json"]! } },
  }).start();
  site = await openLab({
    "/images/": { folder: join(root, "images") },
    "/tiny/": { folder: tiny },
  });
});
afterAll(async () => {
  await site?.close();
  await hub?.stop();
  rmSync(root, { recursive: true, force: true });
});

const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: Error) => error.message.replace(/^.*?InputError: |\n[\s\S]*$/g, "").replaceAll(hub.url, "HUB"),
  );

describe.skipIf(nothing)("a learner in Chromium", () => {
  test("exports what `fmlora export` writes of the same file, byte for byte", async () => {
    const { call } = await site.open();
    await call("create", {
      backbone: { url: "/tiny", name: join(root, "tiny") },
      options: { rank: 4, prompts: false },
      seed: 3,
    });
    await call("learn", train(0, 1, 2), { train: "always", epochs: 1 });
    const model = join(root, "model");
    mkdirSync(model);
    writeFileSync(join(model, "model.safetensors"), Buffer.from(await call<string>("files"), "base64"));
    for (const to of ["peft", "onnx", "safetensors"] as const) {
      const { files, notes } = await call<Exported>("exported", { to });
      const written = await exportModel(model, { to, out: join(root, `out-${to}`) });
      expect(Object.keys(files)).toEqual(written.files);
      expect(notes).toHaveLength(written.notes.length);
      for (const path of written.files) {
        const [theirs, ours] = [
          Buffer.from(files[path]!, "base64"),
          readFileSync(join(written.folder, path)),
        ];
        if (path !== "README.md") expect(theirs.equals(ours), `${to}: ${path}`).toBe(true);
        // Differences from the model itself are measured anew on every runtime.
        else expect(withoutNumbers(theirs)).toBe(withoutNumbers(ours));
      }
    }
    expect(await messageOf(call("exported", { to: "peft", dtype: ["q8"] }))).toContain(
      "peft is written in fp32 or fp16",
    );
    expect(await messageOf(call("exported", { to: "onnx", head: "lad" }))).toBe(
      'the model: there is no head "lad"; it has: lda, rows',
    );
  }, 120_000);

  test("fetches a backbone of the Hub by its name, once, with progress", async () => {
    const { call } = await site.open();
    const tiny = { backbone: { hub: "org/tiny", endpoint: hub.url }, method: "lda" };
    await call("create", tiny);
    const path = `${hub.url}/org/tiny/resolve/${COMMIT}`;
    expect(await call("downloads")).toEqual(
      ["config.json", "preprocessor_config.json", "model.safetensors"].map((file) => `${path}/${file}`),
    );
    await call("learn", train(0, 1));
    expect((await call<LearnerInfo>("info")).backbone).toBe(`org/tiny@${COMMIT}`);
    expect(Object.keys((await call<Exported>("exported", { to: "safetensors" })).files)).toContain(
      "model.safetensors",
    );
    await call("dispose");
    hub.requests.length = 0;
    await call("create", tiny);
    expect(hub.requests).toEqual([expect.stringContaining("GET /api/models/org/tiny/revision/main")]);
    await call("dispose");
    hub.requests.length = 0;
    await call("create", { ...tiny, backbone: { ...tiny.backbone, hub: `org/tiny@${COMMIT}` } });
    expect(hub.requests).toEqual([]);
    expect(hub.leaked).toEqual([]);
  });

  test("says in one line what the Hub doesn't give, and does with what is cached where it can't be reached", async () => {
    const { call } = await site.open();
    const wrong = (name: string, more: object = {}) =>
      messageOf(call("create", { backbone: { hub: name, endpoint: hub.url, ...more } }));
    expect(await wrong("tiny")).toBe('"tiny" is no name on the Hub; expected organization/name');
    expect(await wrong("org/none")).toBe(
      "org/none: from the Hub at HUB: there is no such repository, or it wants a `token`",
    );
    expect(await wrong("org/closed", { token: "hf_right" })).toBe(
      "org/closed: from the Hub at HUB: the token's user has no access to it: ask for it on its page",
    );
    expect(await wrong("org/tiny@other")).toBe(
      "org/tiny: from the Hub at HUB: there is no such repository or revision",
    );
    expect(await wrong("org/split")).toContain("the server has no such file; expected a folder with");
    hub.interruptStorage = (request, response) => {
      const all = Buffer.alloc(files["model.safetensors"]!.length, 1);
      response.setHeader("etag", '"of-the-storage"');
      response.setHeader("content-range", `bytes 0-${all.length - 1}/${all.length}`);
      response.writeHead(206).end(request.headers.range === "bytes=0-0" ? "x" : all);
      return true;
    };
    expect(await wrong("org/tiny")).toBe(
      "org/tiny: from the Hub at HUB: model.safetensors came damaged; connect, or try again",
    );
    hub.interruptStorage = () => false;
    expect(await wrong("org/tiny")).toBe("done");
    hub.interrupt = (request) => {
      request.destroy();
      return true;
    };
    expect(await wrong("org/tiny")).toBe("done");
    expect(await wrong("org/tiny@other")).toContain("connect, or try again");
    hub.interrupt = () => false;
  });
});

const withoutNumbers = (text: Buffer): string => text.toString().replaceAll(/\d\.\de-\d+/g, "N");
