/** @file The Hub client when something goes wrong: one clear line each, and nothing half-written under a final name. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchRepoFile, type HubSettings, hubSettings, listRepoFiles } from "../../../src/node/hub/index.ts";
import { bytes } from "../../../src/report/format.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { gitHash, type Interruption, MockHub, sha256 } from "./mock-hub.ts";

const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251);
const HALF = 150_000;
const REPO = { repo: "org/name", type: "model" } as const;
const FILE = { ...REPO, path: "model.safetensors" };

let hub: MockHub;
let home: string;
let settings: HubSettings;

beforeEach(async () => {
  hub = await new MockHub({
    "models/org/name": { files: { "config.json": "{}", "model.safetensors": WEIGHTS } },
    "models/org/private": { files: { "config.json": "{}" }, access: "token" },
    "models/org/gated": { files: { "config.json": "{}" }, access: "gated" },
  }).start();
  home = mkdtempSync(join(tmpdir(), "fmlora-hub-"));
  settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }), firstPause: 0.005 };
});
afterEach(async () => {
  await hub.stop();
  rmSync(home, { recursive: true, force: true });
});

/** The one line of a refusal, without this machine's ports and folders. */
async function refusal(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).not.toContain("\n");
  return message.replaceAll(hub.url, "<hub>").replaceAll(home, "<home>");
}

const blobs = join("hub", "models--org--name", "blobs");
const blobNames = (): string[] => (existsSync(join(home, blobs)) ? readdirSync(join(home, blobs)) : []);
const snapshots = (): boolean => existsSync(join(home, "hub", "models--org--name", "snapshots"));
const storageRequests = (): number => hub.requests.filter((line) => line.startsWith("STORAGE")).length;

/** Sends the first half and hangs up, that many times. */
function hangUp(times: number): Interruption {
  return (request, response) => {
    if (times-- <= 0) return false;
    const [, from = "0"] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
    const rest = WEIGHTS.subarray(Number(from));
    response.setHeader("content-length", rest.length);
    if (request.headers.range !== undefined) {
      response.setHeader("content-range", `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`);
      response.statusCode = 206;
    }
    // A break drops what the client has not read yet: it gets time for that half.
    response.write(rest.subarray(0, rest.length / 2), () => {
      setTimeout(() => response.socket?.destroySoon(), 200);
    });
    return true;
  };
}

/** Answers that many requests with a status. */
function answer(status: number, times: number, headers: Record<string, string> = {}): Interruption {
  return (_, response) => {
    if (times-- <= 0) return false;
    response.writeHead(status, headers).end("busy");
    return true;
  };
}

test("a download that breaks is continued with a Range, in the same call", async () => {
  hub.interruptStorage = hangUp(2);
  const file = await fetchRepoFile(FILE, settings);
  expect(readFileSync(file).equals(WEIGHTS)).toBe(true);
  expect(hub.ranges.every((range) => /^bytes=[1-9]\d*-$/.test(range))).toBe(true);
  expect(storageRequests()).toBe(3);
  expect(blobNames()).toEqual([sha256(WEIGHTS)]);
});

test("a server that stays broken leaves a partial file, and the next call continues it", async () => {
  let first = true;
  hub.interruptStorage = (request, response) => {
    if (first) {
      first = false;
      return hangUp(1)(request, response);
    }
    response.destroy();
    return true;
  };
  const message = await refusal(fetchRepoFile(FILE, settings));
  expect(blobNames()).toEqual([`${sha256(WEIGHTS)}.incomplete`]);
  const left = statSync(join(home, blobs, blobNames()[0]!)).size;
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(HALF);
  expect(message).toContain(
    `org/name/model.safetensors: the download broke after ${bytes(left)} of 300 kB; the same command continues there: <hub> cannot be reached (`,
  );
  expect(snapshots()).toBe(false);
  hub.interruptStorage = () => false;
  const seen: number[] = [];
  const file = await fetchRepoFile({ ...FILE, onProgress: ({ done }) => seen.push(done) }, settings);
  expect(seen[0]).toBe(left);
  expect(hub.ranges).toContain(`bytes=${left}-`);
  expect(readFileSync(file).equals(WEIGHTS)).toBe(true);
  expect(blobNames()).toEqual([sha256(WEIGHTS)]);
});

test("a server that ignores or refuses the Range is read from the start", async () => {
  const partial = join(home, blobs, `${sha256(WEIGHTS)}.incomplete`);
  for (const left of [WEIGHTS.subarray(0, 1000), Uint8Array.from({ length: 400_000 }, () => 1)]) {
    rmSync(join(home, "hub"), { recursive: true, force: true });
    mkdirSync(join(home, blobs), { recursive: true });
    writeFileSync(partial, left);
    hub.interruptStorage = (request) => {
      if (left.length < WEIGHTS.length) delete request.headers.range;
      return false;
    };
    expect(readFileSync(await fetchRepoFile(FILE, settings)).equals(WEIGHTS)).toBe(true);
  }
});

test("a partial file of something else is thrown away and the file fetched anew", async () => {
  mkdirSync(join(home, blobs), { recursive: true });
  writeFileSync(join(home, blobs, `${sha256(WEIGHTS)}.incomplete`), "not these weights");
  expect(readFileSync(await fetchRepoFile(FILE, settings)).equals(WEIGHTS)).toBe(true);
});

test("bytes with a wrong hash never get a name", async () => {
  hub.interruptStorage = (_, response) => {
    response.writeHead(200, { "content-length": WEIGHTS.length }).end(Buffer.alloc(WEIGHTS.length));
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, settings))).toMatch(
    /^org\/name\/model\.safetensors: the downloaded bytes do not have the hash that the Hub announces \([0-9a-f]{12}…\); try again/,
  );
  expect([blobNames(), snapshots()]).toEqual([[], false]);
  hub.interrupt = (request, response) => {
    if (request.method !== "GET") return false;
    response.writeHead(200, { "content-length": 2 }).end("[]");
    return true;
  };
  expect(await refusal(fetchRepoFile({ ...REPO, path: "config.json" }, settings))).toContain(
    "do not have the hash",
  );
  expect([blobNames(), snapshots()]).toEqual([[], false]);
});

test("an ETag that is no hash, as proxies make it, is replaced by what the Hub's interface tells", async () => {
  hub.interrupt = (request, response) => {
    const set = response.setHeader.bind(response);
    response.setHeader = (name, value) => set(name, name === "etag" ? 'W/"1-gzip"' : value);
    return request.url === undefined;
  };
  await fetchRepoFile({ ...REPO, path: "config.json" }, settings);
  expect(blobNames()).toEqual([gitHash(Buffer.from("{}"))]);
});

test("a busy server is asked again, after as long as it says", async () => {
  for (const status of [429, 500, 503]) {
    hub.interrupt = answer(status, 2, { "retry-after": "0" });
    expect(await listRepoFiles(REPO, settings)).toHaveLength(2);
  }
  hub.interrupt = answer(503, 1, { "retry-after": "0.3" });
  const start = performance.now();
  await fetchRepoFile({ ...REPO, path: "config.json" }, settings);
  expect(performance.now() - start).toBeGreaterThan(290);
});

test("a server that stays busy is given up, and says so", async () => {
  hub.interrupt = answer(429, 99);
  expect(await refusal(listRepoFiles(REPO, settings))).toBe(
    "<hub> asks for fewer requests (HTTP 429); try again later",
  );
  expect(hub.requests).toHaveLength(5);
  hub.interrupt = answer(503, 99);
  expect(await refusal(fetchRepoFile(FILE, settings))).toBe(
    "<hub> has a problem of its own (HTTP 503); try again later",
  );
});

test("no answer within the time limit is an error, and so is a body that stops coming", async () => {
  const hasty = { ...settings, timeout: 0.1 };
  hub.interrupt = () => true;
  expect(await refusal(fetchRepoFile(FILE, hasty))).toContain(
    "<hub> cannot be reached (no answer within 0.1 s)",
  );
  hub.interrupt = () => false;
  hub.interruptStorage = (_, response) => {
    response.writeHead(200, { "content-length": WEIGHTS.length }).flushHeaders();
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, hasty))).toContain("no byte for 0.1 s");
  expect(snapshots()).toBe(false);
});

test("repository, revision, file and access are told apart", async () => {
  const lines = [
    refusal(fetchRepoFile({ ...FILE, repo: "org/absent" }, settings)),
    refusal(listRepoFiles({ ...REPO, type: "dataset" }, { ...settings, token: "hf_other" })),
    refusal(fetchRepoFile({ ...FILE, revision: "v9" }, settings)),
    refusal(fetchRepoFile({ ...FILE, path: "absent.bin" }, settings)),
    refusal(fetchRepoFile({ ...FILE, repo: "org/private" }, settings)),
    refusal(fetchRepoFile({ ...FILE, repo: "org/private" }, { ...settings, token: "hf_wrong" })),
    refusal(fetchRepoFile({ ...FILE, repo: "org/gated" }, settings)),
    refusal(fetchRepoFile({ ...FILE, repo: "org/gated" }, { ...settings, token: "hf_other" })),
  ];
  expect(await Promise.all(lines)).toMatchInlineSnapshot(`
    [
      "org/absent: there is no such model at <hub> (HTTP 401); check the name; if it is private, set HF_TOKEN",
      "org/name: there is no such dataset at <hub> (HTTP 401); check the name; the token may have no access to it",
      "org/name: there is no revision "v9"; <hub>/org/name lists its branches, tags and commits",
      "org/name: there is no file absent.bin in revision "main"",
      "org/private: there is no such model at <hub> (HTTP 401); check the name; if it is private, set HF_TOKEN",
      "org/private: the Hub does not accept the token (HTTP 401); make a new one, and set HF_TOKEN or run hf auth login",
      "org/gated: access to this model is gated (HTTP 401); ask for it at <hub>/org/gated and set HF_TOKEN to a token of that account",
      "org/gated: access to this model is gated (HTTP 403); ask for it at <hub>/org/gated and set HF_TOKEN to a token of that account",
    ]
  `);
  expect([blobNames(), snapshots()]).toEqual([[], false]);
});

test("a server that is no Hub is named as such", async () => {
  hub.interrupt = answer(200, 99);
  expect(await refusal(fetchRepoFile(FILE, settings))).toBe(
    "<hub> does not answer as a Hub does (no X-Repo-Commit for org/name/model.safetensors); check HF_ENDPOINT, and proxies on the way",
  );
});

test.skipIf(process.getuid?.() === 0)("a cache without permission to write is one line", async () => {
  mkdirSync(join(home, "hub"));
  chmodSync(join(home, "hub"), 0o500);
  expect(await refusal(fetchRepoFile(FILE, settings))).toContain(
    "no permission to write there, or set HF_HOME",
  );
  chmodSync(join(home, "hub"), 0o700);
});

test("a cache that is a file, and a disk that is too small, are one line", async () => {
  writeFileSync(join(home, "hub"), "");
  expect(await refusal(fetchRepoFile(FILE, settings))).toMatch(
    /^<home>\/hub\/.+: the Hub's cache cannot be written: a part of the path is a file, not a folder, or set HF_HOME to another folder$/,
  );
  rmSync(join(home, "hub"));
  hub.interrupt = (_, response) => {
    const set = response.setHeader.bind(response);
    response.setHeader = (name, value) => set(name, name === "x-linked-size" ? `${2 ** 60}` : value);
    return false;
  };
  expect(await refusal(fetchRepoFile(FILE, settings))).toMatch(
    /^org\/name\/model\.safetensors: needs 1152922 TB, and .+ has .+ left; free some space, or set HF_HOME/,
  );
  expect([blobNames(), snapshots()]).toEqual([[], false]);
});

test("a renamed repository's redirect on the same host is followed, and its weights are still checked", async () => {
  hub.interrupt = (request, response) => {
    const moved = request.url!.replace("/org/old/", "/org/name/");
    if (moved === request.url) return false;
    response.writeHead(307, { location: moved }).end(); // relative, as the Hub writes it
    return true;
  };
  const file = await fetchRepoFile({ ...FILE, repo: "org/old" }, settings);
  expect(readFileSync(file).equals(WEIGHTS)).toBe(true);
  expect(hub.requests).toContain("HEAD /org/name/resolve/main/model.safetensors");
});

test("redirects without end are one line", async () => {
  hub.interrupt = (request, response) => {
    response.writeHead(307, { location: request.url! }).end();
    return true;
  };
  expect(await refusal(fetchRepoFile(FILE, settings))).toMatchInlineSnapshot(
    `"<hub> cannot be reached (more than 5 redirects); check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1 to use what is cached"`,
  );
});
