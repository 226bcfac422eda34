/** @file A Hub that means harm, or is broken as if it did: no byte too many, no wait without end, one line each. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchRepoFile, type HubSettings, hubSettings, listRepoFiles } from "../../../src/node/hub/index.ts";
import { refusalIn } from "../../support/refusal.ts";
import { COMMIT, type Interruption, MockHub } from "./mock-hub.ts";

const WEIGHTS = Uint8Array.from({ length: 24_000 }, (_, i) => (i * 7919) % 251);
const REPO = { repo: "org/name", type: "model" } as const;
const FILE = { ...REPO, path: "model.safetensors" };
let hub: MockHub;
let home: string;
let settings: HubSettings;

beforeEach(async () => {
  hub = await new MockHub({
    "models/org/name": { files: { "config.json": "{}", "model.safetensors": WEIGHTS } },
  }).start();
  home = mkdtempSync(join(tmpdir(), "fmlora-hostile-"));
  settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }), firstPause: 0.001 };
});
afterEach(async () => {
  await hub.stop();
  rmSync(home, { recursive: true, force: true });
});

const refusal = async (action: Promise<unknown>): Promise<string> => {
  const line = (await refusalIn(home, action)).replaceAll(hub.url, "<hub>");
  expect(line).not.toContain("\n");
  return line;
};
/** Bytes of everything in the cache. */
const cached = (): number => {
  const folder = join(home, "hub");
  if (!existsSync(folder)) return 0;
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0);
};
/** Sends pieces for as long as the client takes them. */
const pouring =
  (headers: Record<string, string>, piece: Uint8Array): Interruption =>
  (_, response) => {
    response.writeHead(200, headers);
    const pour = (): void => {
      while (!response.destroyed && response.write(piece));
      if (!response.destroyed) response.once("drain", pour);
    };
    pour();
    return true;
  };

test("a body longer than announced ends at its first byte too many, and nothing of it stays", async () => {
  hub.interruptStorage = pouring({}, new Uint8Array(65_536));
  expect(await refusal(fetchRepoFile(FILE, settings))).toBe(
    "org/name/model.safetensors: the server sends more than the 24000 bytes that it announced; check the network and HF_ENDPOINT",
  );
  expect(cached()).toBe(0);
});

test("a packed body counts as it unfolds", async () => {
  const bomb = gzipSync(new Uint8Array(50_000_000));
  hub.interruptStorage = (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip", "content-length": bomb.length }).end(bomb);
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, settings))).toContain("sends more than the 24000 bytes");
  expect(cached()).toBe(0);
});

test("a body that drips is given up after a few tries, whatever it brought", async () => {
  let tries = 0;
  hub.interruptStorage = (_, response) => {
    tries++;
    response.writeHead(200, { "content-length": WEIGHTS.length });
    const timer = setInterval(() => void response.write("x"), 20);
    response.once("close", () => clearInterval(timer));
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, { ...settings, timeout: 0.2 }))).toMatch(
    /^org\/name\/model\.safetensors: the download broke after \d+ B of 24\.0 kB; the same command continues there: only \d+ bytes in 0 s$/,
  );
  expect(tries).toBe(5);
});

test("an answer without content is no file", async () => {
  hub.interruptStorage = (_, response) => {
    response.writeHead(204).end();
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, settings))).toContain(
    "the server answered with HTTP 204, without the file",
  );
  hub.interrupt = (_, response) => {
    response.writeHead(204, { "x-repo-commit": COMMIT }).end();
    return true;
  };
  for (const ask of [() => fetchRepoFile(FILE, settings), () => listRepoFiles(REPO, settings)]) {
    expect(await refusal(ask())).toMatch(/^<hub> does not answer as a Hub does \(about org\/name: .+\)/);
  }
});

test("lists of files that are none, or have no end, are refused", async () => {
  const bodies = [
    "not JSON",
    "5",
    "null",
    "[null]",
    '[{"type":"file"}]',
    '[{"type":"file","path":"a","size":-1}]',
  ];
  for (const body of bodies) {
    hub.interrupt = (_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(body);
      return true;
    };
    expect(await refusal(listRepoFiles(REPO, settings))).toContain("<hub> does not answer as a Hub does");
  }
  hub.interrupt = pouring({ "content-type": "application/json" }, new Uint8Array(2 ** 20).fill(32));
  expect(await refusal(listRepoFiles(REPO, settings))).toContain(
    "the answer about org/name: the server sends more than the 67108864 bytes",
  );
});

test("a list whose pages have no end is refused", async () => {
  hub.interrupt = (request, response) => {
    const next = new URL(request.url!, hub.url);
    response
      .writeHead(200, { "content-type": "application/json", link: `<${next.href}>; rel="next"` })
      .end("[]");
    return true;
  };
  expect(await refusal(listRepoFiles(REPO, settings))).toBe(
    "<hub> does not answer as a Hub does (about org/name: more than 2000 pages); check HF_ENDPOINT, and proxies on the way",
  );
}, 120_000);

test("where a proxy hides a file's size, the Hub's own interface tells it", async () => {
  hub.interrupt = (_, response) => {
    const set = response.setHeader.bind(response);
    response.setHeader = (name, value) => (name === "x-linked-size" ? response : set(name, value));
    return false;
  };
  expect(statSync(await fetchRepoFile(FILE, settings)).size).toBe(WEIGHTS.length);
  expect(hub.requests.some((line) => line.includes("paths-info"))).toBe(true);
});

test("a server that starts over again and again is given up", async () => {
  const large = new Uint8Array(100_000).fill(1);
  await hub.stop();
  hub = await new MockHub({ "models/org/name": { files: { "model.safetensors": large } } }).start();
  let requests = 0;
  hub.interruptStorage = (request, response) => {
    requests++;
    if (request.headers.range !== undefined) response.writeHead(416).end();
    else {
      response.writeHead(200, { "content-length": large.length });
      response.write(large.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 100));
    }
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, { ...settings, endpoint: hub.url }))).toContain(
    "the download broke",
  );
  expect(requests).toBeLessThanOrEqual(12);
});
