/** @file Models over HTTP, as clients meet them: answers, learning, jobs and exports. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { extract } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { openModel } from "../../../src/node/runs/model.ts";
import type { RunningServer } from "../../../src/node/server/index.ts";
import { asked as askedOf, ended as endOf, form, type Json, ServerPlace } from "./place.ts";

/** Processes of models start under a loader of TypeScript here, beside other tests. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const place = new ServerPlace();
let server: RunningServer;
const at = (...path: string[]): string => place.at(...path);
const photo = (name: string, number = 0): Buffer => place.photo(name, number);
const classOf = (label: number) => place.classOf(label);
const asked = (path: string, init: RequestInit = {}, on = server) => askedOf(on, path, init);
const ended = (id: string) => endOf(server, id);

beforeAll(async () => {
  await place.prepare();
  server = await place.started();
});
afterAll(async () => {
  await server.close();
  place.remove();
});

describe("answers", () => {
  test("are those of the model, whatever else is asked at the time", async () => {
    const model = await openModel(at("models", "toys"), { threads: 1 });
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
    expect(place.notices).toContain(
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
  const page = await fetch(`${server.url}/api`);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  expect(await page.text()).toContain("<h1>fm-lora</h1>");
  const counts = await (await fetch(`${server.url}/metrics`)).text();
  expect(counts).toMatch(/^fmlora_images_total\{model="toys",outcome="unreadable"\} 1$/m);
  expect(counts).toMatch(/^fmlora_jobs_total\{status="cancelled"\} 2$/m);
  expect(counts).toMatch(
    /^fmlora_http_request_seconds_count\{method="POST",route="\/models\/:model\/predict",status="200"\} \d+$/m,
  );
});

test("a model's process that is killed is started anew", async () => {
  const before = await asked("/models/toys/predict", form([["images", photo("class-0")]]));
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
  const other = await place.started();
  const [, job] = await asked("/models/last/learn?train=never", form([...classOf(0), ...classOf(1)]), other);
  expect(job.model).toBe("last");
  await other.close();
  await expect(fetch(`${other.url}/health`)).rejects.toThrow();
  expect(readdirSync(at("models", "last"))).toContain("model.safetensors");
});
