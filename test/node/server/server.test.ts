/** @file Models over HTTP, as clients meet them: answers, learning, jobs, exports, and every way to be refused. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { classFolders } from "../../../src/node/learner/class-folders.ts";
import { createLearner } from "../../../src/node/learner/learner.ts";
import { openModel } from "../../../src/node/runs/model.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../../src/node/server/index.ts";
import { refusalIn } from "../../support/refusal.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";

/** Processes of models start under a loader of TypeScript here, beside other tests. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const root = mkdtempSync(join(tmpdir(), "fm-lora-server-"));
const at = (...path: string[]): string => join(root, ...path);
const photo = (name: string, number = 0, use = "test"): Buffer =>
  readFileSync(at("images", use, name, `${number}.png`));
const notices: string[] = [];
let server: RunningServer;

const started = (options: Partial<ServerOptions> = {}): Promise<RunningServer> =>
  startServer({
    folder: at("models"),
    port: 0,
    threads: 1,
    backbone: at("backbone"),
    onNotice: (line) => void notices.push(line),
    ...options,
  });

/** Whatever a server says. */
type Json = ReturnType<typeof JSON.parse>;

/** What was answered: status and JSON. */
async function asked(path: string, init: RequestInit = {}, on = server): Promise<[number, Json]> {
  const response = await fetch(`${on.url}${path}`, init);
  return [response.status, await response.json()];
}

function form(files: readonly (readonly [field: string, bytes: Uint8Array])[]): RequestInit {
  const body = new FormData();
  for (const [field, bytes] of files) body.append(field, new Blob([new Uint8Array(bytes)]), `${field}.png`);
  return { method: "POST", body };
}

const classOf = (label: number, count = 8): (readonly [string, Uint8Array])[] =>
  Array.from({ length: count }, (_, i) => [`class-${label}`, photo(`class-${label}`, i, "train")] as const);

/** The job's end. */
async function ended(id: string, on = server): Promise<Json> {
  for (;;) {
    const [, job] = await asked(`/jobs/${id}`, {}, on);
    if (["done", "failed", "cancelled"].includes(job.status)) return job;
    await sleep(50);
  }
}

beforeAll(async () => {
  await writeToyFolder(at("images"), { classes: 6, train: 8, test: 3 });
  writeTinyBackbone(at("backbone"));
  const learner = await createLearner({ backbone: at("backbone"), threads: 1, workers: 0, method: "lda" });
  const all = await classFolders(at("images", "train"));
  await learner.learn({ classes: { "class-0": all["class-0"]!, "class-1": all["class-1"]! } });
  await learner.save(at("models", "toys"));
  await learner.dispose();
  cpSync(at("models", "toys"), at("models", "no address has this"), { recursive: true });
  server = await started();
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
});

describe("answers", () => {
  test("are those of the model, whatever else is asked at the time", async () => {
    const model = await openModel(at("models", "toys"), { threads: 1 });
    const { sharpTransform } = await import("../../../src/node/images/transform.ts");
    const bytes = [0, 1, 2].flatMap((i) => [photo("class-0", i), photo("class-1", i)]);
    const expected: unknown[] = [];
    for (const each of bytes) {
      const pixels = await sharpTransform({ kind: "encoded", bytes: each }, model.preprocessing, null);
      const [answer] = await model.classify({ images: pixels, count: 1 });
      const { label, unknown, classes, strangeness, distance } = answer!;
      expected.push({ label, unknown, classes, strangeness, distance });
    }
    await model.dispose();
    const bare = ({ file: _, error, ...answer }: Json): unknown => {
      expect(error).toBeNull();
      return answer;
    };
    const one = await Promise.all(
      bytes.map((each) =>
        asked("/models/toys/predict", {
          method: "POST",
          body: new Uint8Array(each),
          headers: { "Content-Type": "image/png" },
        }),
      ),
    );
    expect(one.map(([status, { predictions }]) => [status, bare(predictions[0])])).toEqual(
      expected.map((answer) => [200, answer]),
    );
    const [status, all] = await asked("/models/toys/predict", form(bytes.map((each) => ["images", each])));
    expect([status, all.model, all.learns]).toEqual([200, "toys", 1]);
    expect(all.predictions.map(bare)).toEqual(expected);
  });

  test("top, a threshold of one's own, and an image that is none among others", async () => {
    const [status, answer] = await asked(
      "/models/toys/predict?top=1&unknownThreshold=-1000",
      form([
        ["images", photo("class-1")],
        ["images", new Uint8Array([1, 2, 3])],
      ]),
    );
    expect(status).toBe(200);
    const [good, bad] = answer.predictions;
    expect(good).toMatchObject({ file: "images.png", label: "unknown", unknown: true, error: null });
    expect(good.classes).toHaveLength(1);
    expect(bad).toMatchObject({ label: null, classes: [] });
    expect(bad.error).toBe(
      "expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it",
    );
  });

  test("what is there, and a model whose name no address can have", async () => {
    const [, { models }] = await asked("/models");
    expect(models).toEqual([
      { name: "toys", method: "lda", backbone: at("backbone"), classes: ["class-0", "class-1"], learns: 1 },
    ]);
    const [, toys] = await asked("/models/toys");
    expect(toys).toMatchObject({
      images: { "class-0": 8, "class-1": 8 },
      heads: ["lda", "ncm"],
      canUndo: false,
    });
    expect(notices).toContain(
      'model "no address has this" is left out: no address can have its name; rename the folder',
    );
  });
});

describe("learning", () => {
  test("a new model, answers while it learns, a second learn, undo, names", async () => {
    const [status, job] = await asked("/models/new/learn?train=never", form([...classOf(2), ...classOf(3)]));
    expect([status, job.model, job.error]).toEqual([202, "new", null]);
    const [busy, problem] = await asked("/models/new/learn", form(classOf(4)));
    expect([busy, problem.error]).toEqual([
      409,
      `model "new": job ${job.id} is at work; wait for its end, or cancel it`,
    ]);
    const meanwhile = await asked("/models/toys/predict", form([["images", photo("class-0")]]));
    expect(meanwhile[0]).toBe(200);

    const events = await (await fetch(`${server.url}/jobs/${job.id}/events`)).text();
    const names = [...events.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names.at(-1)).toBe("done");
    expect(new Set(names.slice(0, -1))).toEqual(new Set(["running"]));
    expect((await ended(job.id)).result).toMatchObject({
      added: ["class-2", "class-3"],
      images: 16,
      trained: false,
      reason: "no training was asked for",
    });

    const [, first] = await asked("/models/new/predict", form([["images", photo("class-2")]]));
    expect([first.learns, first.predictions[0].classes[0].className]).toEqual([1, "class-2"]);
    const [, second] = await asked("/models/new/learn?train=never&domain=dusk", form(classOf(5)));
    expect((await ended(second.id)).status).toBe("done");
    // The process that answers has the new model without being told.
    const [, third] = await asked("/models/new/predict", form([["images", photo("class-5")]]));
    expect([third.learns, third.predictions[0].classes[0].className]).toEqual([2, "class-5"]);

    expect(await asked("/models/new/undo", { method: "POST" })).toEqual([
      200,
      { classes: ["class-2", "class-3"] },
    ]);
    const patch = { method: "PATCH", headers: { "Content-Type": "application/json" } };
    expect(
      await asked("/models/new/classes/class-2", { ...patch, body: JSON.stringify({ name: "two" }) }),
    ).toEqual([200, { classes: ["two", "class-3"] }]);
    expect(await asked("/models/new/classes/class-3", { method: "DELETE" })).toEqual([
      200,
      { classes: ["two"] },
    ]);
  });

  test("a job that is cancelled leaves the model as it was, and a waiting one never starts", async () => {
    const before = readFileSync(at("models", "toys", "model.safetensors"));
    const many = form([...classOf(2), ...classOf(3)]);
    const [, long] = await asked("/models/toys/learn?train=always&epochs=1000", many);
    const [, waiting] = await asked("/models/later/learn", form(classOf(4)));
    expect(waiting.status).toBe("waiting");
    expect((await asked(`/jobs/${waiting.id}`, { method: "DELETE" }))[1].status).toBe("cancelled");
    await asked(`/jobs/${long.id}`, { method: "DELETE" });
    expect((await ended(long.id)).status).toBe("cancelled");
    expect(readFileSync(at("models", "toys", "model.safetensors")).equals(before)).toBe(true);
    expect(readdirSync(at("models"))).not.toContain("later");
    // Free again.
    const [status, next] = await asked("/models/toys/learn?train=never", form(classOf(4)));
    expect(status).toBe(202);
    expect((await ended(next.id)).status).toBe("done");
    await asked("/models/toys/undo", { method: "POST" });
  });

  test("a failure is a line, and makes no model", async () => {
    const [, job] = await asked("/models/bad/learn", form([["cat", new Uint8Array([1])], ...classOf(1)]));
    const { status, error } = await ended(job.id);
    expect([status, error]).toEqual([
      "failed",
      "image 1 of cat: expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it",
    ]);
    expect(readdirSync(at("models"))).not.toContain("bad");
  });
});

test("an export is an archive with a folder", async () => {
  const response = await fetch(`${server.url}/models/toys/export?to=onnx&dtype=fp32`);
  expect(response.headers.get("content-disposition")).toBe('attachment; filename="toys-onnx.tar"');
  const names: string[] = [];
  const archive = extract();
  archive.end(Buffer.from(await response.arrayBuffer()));
  for await (const entry of archive) {
    names.push(entry.header.name);
    entry.resume();
  }
  expect(names.sort()).toEqual([
    "toys-onnx/README.md",
    "toys-onnx/config.json",
    "toys-onnx/onnx/model.onnx",
    "toys-onnx/preprocessor_config.json",
  ]);
  const [status, { error }] = await asked("/models/toys/export?to=peft");
  expect([status, error]).toEqual([400, expect.stringContaining("lda")]);
});

test("the description, the page and the counts", async () => {
  const [, api] = await asked("/openapi.json");
  expect(api.openapi).toBe("3.1.0");
  expect(Object.keys(api.paths).sort()).toEqual([
    "/health",
    "/jobs/{job}",
    "/jobs/{job}/events",
    "/metrics",
    "/models",
    "/models/{model}",
    "/models/{model}/classes/{class}",
    "/models/{model}/export",
    "/models/{model}/learn",
    "/models/{model}/predict",
    "/models/{model}/undo",
  ]);
  expect(Object.keys(api.paths["/models/{model}/predict"].post.requestBody.content)).toEqual([
    "multipart/form-data",
    "image/*",
  ]);
  const page = await fetch(`${server.url}/`);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(await page.text()).toContain("<h1>fm-lora</h1>");
  const counts = await (await fetch(`${server.url}/metrics`)).text();
  expect(counts).toMatch(/^fmlora_images_total\{model="toys",outcome="unreadable"\} 1$/m);
  expect(counts).toMatch(/^fmlora_jobs_total\{status="cancelled"\} 2$/m);
  expect(counts).toMatch(
    /^fmlora_http_request_seconds_count\{method="POST",route="\/models\/:model\/predict",status="200"\} \d+$/m,
  );
});

describe("refusals", () => {
  test("each in one line", async () => {
    const post = (path: string, type: string, body = "x") =>
      asked(path, { method: "POST", body, headers: { "Content-Type": type } });
    const answers = [
      await asked("/nothing"),
      await asked("/models/none"),
      await asked("/models/none/predict", form([["images", photo("class-0")]])),
      await asked("/models/..%2Ftoys/learn", form(classOf(0))),
      await asked("/models/toys/predict?top=0", form([["images", photo("class-0")]])),
      await post("/models/toys/predict", "text/plain"),
      await post("/models/toys/predict", "multipart/form-data; boundary=x"),
      await post("/models/toys/predict", "image/png", ""),
      await asked("/models/toys/learn?train=perhaps", form(classOf(0))),
      await asked("/models/toys/classes/none", { method: "DELETE" }),
      await asked("/jobs/none"),
    ];
    expect(answers.map(([status, { error }]) => `${status} ${error}`)).toMatchInlineSnapshot(`
      [
        "404 there is no GET /nothing; /openapi.json lists what there is",
        "404 there is no model "none"; there are: new, toys",
        "404 there is no model "none"; there are: new, toys",
        "400 model "../toys": expected 1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit",
        "400 top: Too small: expected number to be >0",
        "400 content type "text/plain"; expected multipart/form-data with image files, or one image as the whole body",
        "400 the form can't be read (Failed to parse body as FormData.); expected multipart/form-data with image files, or one image as the whole body",
        "400 the request has no files; expected multipart/form-data with image files, or one image as the whole body",
        "400 train: Invalid option: expected one of "auto"|"always"|"never"",
        "400 there is no class "none"; it knows: class-0, class-1",
        "404 there is no job "none"; old ones are forgotten",
      ]
    `);
    const text = new FormData();
    text.append("top", "3");
    const [status, { error }] = await asked("/models/toys/predict", { method: "POST", body: text });
    expect(`${status} ${error}`).toMatchInlineSnapshot(
      `"400 the form's field "top" is text, and options are part of the address (?top=3); expected files alone (curl: -F top=@FILE)"`,
    );
  });

  test("other pages, other names of this machine, and whoever has no token", async () => {
    const from = (origin: string) => asked("/models", { headers: { Origin: origin } });
    expect((await from("https://evil.example"))[0]).toBe(403);
    expect((await from("null"))[0]).toBe(403);
    expect((await from(server.url))[0]).toBe(200);
    const { request } = await import("node:http");
    const status = await new Promise((resolve) => {
      request(`${server.url}/models`, { headers: { Host: "evil.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end();
    });
    expect(status).toBe(403);

    const token = "a-token-of-many-characters";
    const closed = await started({
      tokens: [token],
      origins: ["https://shop.example"],
      readOnly: true,
      rate: 5,
    });
    try {
      const bearer = (text: string): RequestInit => ({ headers: { Authorization: `Bearer ${text}` } });
      expect(await asked("/models", {}, closed)).toEqual([
        401,
        { error: "this server wants a token; send the header Authorization: Bearer TOKEN" },
      ]);
      expect(await asked("/models", bearer("another-token-of-many"), closed)).toEqual([
        401,
        { error: "the token is none of this server's" },
      ]);
      expect((await asked("/models", bearer(token), closed))[0]).toBe(200);
      expect((await asked("/health", {}, closed))[0]).toBe(200);
      expect(await asked("/models/toys/undo", { ...bearer(token), method: "POST" }, closed)).toEqual([
        403,
        { error: "models on this server can't be changed (--read-only)" },
      ]);
      const statuses: number[] = [];
      for (let i = 0; i < 8; i++) statuses.push((await asked("/models", bearer(token), closed))[0]);
      expect(statuses).toContain(429);
      const shop = await fetch(`${closed.url}/health`, { headers: { Origin: "https://shop.example" } });
      expect(shop.headers.get("access-control-allow-origin")).toBe("https://shop.example");
    } finally {
      await closed.close();
    }
  });

  test("too large, too many, too full", async () => {
    const small = await started({ bodyBytes: 20_000, images: 2 });
    try {
      const photos = (count: number) =>
        form(Array.from({ length: count }, () => ["images", photo("class-0")] as const));
      const large = form([["images", new Uint8Array(30_000)]]);
      expect(await asked("/models/toys/predict", large, small)).toEqual([
        413,
        { error: "the request has over 20000 bytes; send fewer images, or smaller ones" },
      ]);
      expect(await asked("/models/toys/predict", photos(3), small)).toEqual([
        400,
        { error: "3 images in one request; expected 2 at most: send several" },
      ]);
    } finally {
      await small.close();
    }
  });

  test("servers that can't be", async () => {
    mkdirSync(at("file-place"));
    writeFileSync(at("file-place", "file"), "");
    const taken = Number(new URL(server.url).port);
    expect([
      await refusalIn(root, started({ host: "0.0.0.0" })),
      await refusalIn(root, started({ tokens: ["short"] })),
      await refusalIn(root, started({ folder: at("nowhere"), readOnly: true })),
      await refusalIn(root, started({ folder: at("file-place", "file", "models") })),
      (await refusalIn(root, started({ port: taken }))).replace(String(taken), "PORT"),
    ]).toMatchInlineSnapshot(`
      [
        "\`host: "0.0.0.0"\`: other machines could use the server; give a token (FMLORA_TOKEN in the environment, or \`token\`), or serve on 127.0.0.1",
        "a token has 5 characters, or some that no header has; expected 16 or more letters, digits, or - . _ ~ + / (openssl rand -hex 24 makes one)",
        "DIR/nowhere: no such folder; expected one with a folder for each model",
        "DIR/file-place/file/models: can't be made: ENOTDIR: not a directory, mkdir 'DIR/file-place/file/models'; choose another \`models\`",
        "127.0.0.1:PORT: another program is there; choose another port (0: any free one)",
      ]
    `);
  });
});

test("a model's process that is killed is started anew", async () => {
  const before = await asked("/models/toys/predict", form([["images", photo("class-0")]]));
  const { execFileSync } = await import("node:child_process");
  const children = execFileSync("pgrep", ["-P", String(process.pid), "-f", "entry.ts"], { encoding: "utf8" });
  for (const pid of children.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
  const statuses: number[] = [];
  for (let i = 0; i < 50 && statuses.at(-1) !== 200; i++) {
    const [status, answer] = await asked("/models/toys/predict", form([["images", photo("class-0")]]));
    statuses.push(status);
    if (status === 200) expect(answer).toEqual(before[1]);
    else expect(status).toBe(503);
  }
  expect(statuses.at(-1)).toBe(200);
});

test("a server that is told to end waits for its job", async () => {
  const other = await started();
  const [, job] = await asked("/models/last/learn?train=never", form([...classOf(0), ...classOf(1)]), other);
  expect(job.model).toBe("last");
  await other.close();
  await expect(fetch(`${other.url}/health`)).rejects.toThrow();
  expect(readdirSync(at("models", "last"))).toContain("model.safetensors");
});
