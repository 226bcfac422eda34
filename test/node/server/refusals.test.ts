/** @file A server's refusals: who may not ask, what can't be asked, and servers that can't be. */
import { mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RunningServer } from "../../../src/node/server/index.ts";
import { refusalIn } from "../../support/refusal.ts";
import { asked as askedOf, form, ServerPlace } from "./place.ts";

/** Processes of models start under a loader of TypeScript here, beside other tests. */
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const place = new ServerPlace();
let server: RunningServer;
const at = (...path: string[]): string => place.at(...path);
const photo = (name: string, number = 0): Buffer => place.photo(name, number);
const classOf = (label: number) => place.classOf(label);
const asked = (path: string, init: RequestInit = {}, on = server) => askedOf(on, path, init);

beforeAll(async () => {
  await place.prepare();
  server = await place.started();
});
afterAll(async () => {
  await server.close();
  place.remove();
});

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
      "404 there is no model "none"; there are: toys",
      "404 there is no model "none"; there are: toys",
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
  const status = await new Promise((resolve) => {
    request(`${server.url}/models`, { headers: { Host: "evil.example" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(status).toBe(403);

  const token = "a-token-of-many-characters";
  const closed = await place.started({
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
  const small = await place.started({ bodyBytes: 20_000, images: 2 });
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
    await refusalIn(place.root, place.started({ host: "0.0.0.0" })),
    await refusalIn(place.root, place.started({ tokens: ["short"] })),
    await refusalIn(place.root, place.started({ folder: at("nowhere"), readOnly: true })),
    await refusalIn(place.root, place.started({ folder: at("file-place", "file", "models") })),
    (await refusalIn(place.root, place.started({ port: taken }))).replace(String(taken), "PORT"),
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
