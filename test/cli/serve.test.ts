/** @file `fmlora serve`, as a user types it. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { MAIN, Workplace } from "./command.ts";

vi.setConfig({ testTimeout: 300_000 });

const place = new Workplace();
const at = (...path: string[]): string => join(place.path, ...path);
const children: ChildProcess[] = [];

beforeAll(async () => {
  await place.prepare();
  for (const label of [0, 1]) {
    cpSync(at("images", "train", `class-${label}`), at("day", `class-${label}`), { recursive: true });
  }
  const { code, stderr } = await place.fmlora([
    ...["learn", "day", "--model", "models/toys", "--backbone", "backbone", "--threads", "1"],
  ]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => place.remove());

/** A server, and all that it says beside its address. */
async function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const words = ["serve", "--models", "models", "--port", "0", "--threads", "1", ...args];
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: place.path,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    void ended.then(() => reject(new Error(said.join("\n"))));
  });
  return { url, said, ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

const photo = () => new Blob([new Uint8Array(readFileSync(at("images", "test", "class-1", "0.png")))]);

test("answers with a token, and ends when it is told to", async () => {
  const token = "abcdefghijklmnop";
  writeFileSync(at("tokens"), "one-token-of-many-letters\nanother-token-of-many-letters\n");
  const server = await serve(["--token-file", "tokens"], { FMLORA_TOKEN: token });
  expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  await expect
    .poll(() => server.said)
    .toEqual([
      `models of models; the page to try them is ${server.url}/, the API is ${server.url}/openapi.json`,
    ]);
  const body = new FormData();
  body.append("images", photo(), "photo.png");
  const post = { method: "POST", body };
  expect((await fetch(`${server.url}/models/toys/predict`, post)).status).toBe(401);
  for (const each of [token, "another-token-of-many-letters"]) {
    const headers = { Authorization: `Bearer ${each}` };
    const answer = await fetch(`${server.url}/models/toys/predict`, { ...post, headers });
    expect(answer.status).toBe(200);
    const { predictions } = (await answer.json()) as { predictions: { classes: { className: string }[] }[] };
    expect(predictions[0]!.classes[0]!.className).toBe("class-1");
  }
  server.kill("SIGTERM");
  expect(await server.ended).toBe(0);
  expect(server.said.at(-1)).toBe(
    "taking no further requests; ends when what is at work is done, once more ends it now",
  );
});

test("a second signal cancels what is at work; the model is as it was", async () => {
  const before = readFileSync(at("models", "toys", "model.safetensors"));
  const server = await serve([]);
  const body = new FormData();
  for (const label of [2, 3]) {
    for (let i = 0; i < 8; i++) {
      const bytes = readFileSync(at("images", "train", `class-${label}`, `${i}.png`));
      body.append(`class-${label}`, new Blob([new Uint8Array(bytes)]), `${i}.png`);
    }
  }
  const long = `${server.url}/models/toys/learn?train=always&epochs=1000`;
  const answer = await fetch(long, { method: "POST", body });
  expect(answer.status).toBe(202);
  server.kill("SIGINT");
  await expect.poll(() => server.said.length).toBe(2);
  server.kill("SIGINT");
  expect(await server.ended).toBe(0);
  expect(server.said.slice(2)).toEqual([
    "stopping now; jobs at work are cancelled, their models are as they were",
    "model toys: learning cancelled",
  ]);
  expect(readFileSync(at("models", "toys", "model.safetensors")).equals(before)).toBe(true);
  expect(readdirSync(at("models", "toys")).filter((name) => name.includes("lock"))).toEqual([]);
});

test("each wrong use in one line", async () => {
  expect([
    await place.refused("serve"),
    await place.refused("serve", "--models", "models", "--port", "http"),
    await place.refused("serve", "--models", "models", "--host", "0.0.0.0"),
    await place.refused("serve", "--models", "models", "--token", "hm"),
    await place.refused("serve", "--models", "models", "--token-file", "none"),
    await place.refused("serve", "--models", "images/train/class-0/0.png/models"),
    await place.refused("serve", "--models", "nothing", "--read-only"),
  ]).toMatchInlineSnapshot(`
    [
      "fmlora: required option '--models <folder>' not specified [2]",
      "fmlora: --port "http": expected 0 to 65535 [2]",
      "fmlora: --host 0.0.0.0: other machines could use the server; give a token (FMLORA_TOKEN in the environment, or --token), or serve on 127.0.0.1 [2]",
      "fmlora: a token has 2 characters, or some that no header has; expected 16 or more letters, digits, or - . _ ~ + / (openssl rand -hex 24 makes one) [2]",
      "fmlora: --token-file none: ENOENT: no such file or directory, open 'none' [2]",
      "fmlora: images/train/class-0/0.png/models: can't be made: ENOTDIR: not a directory, mkdir 'images/train/class-0/0.png/models'; choose another --models [2]",
      "fmlora: nothing: no such folder; expected one with a folder for each model [2]",
    ]
  `);
});
