/** @file Hostile hubs on loopback: one line each, in time, and never more bytes in the cache than were announced. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fetchRepoFile, hubSettings, listRepoFiles } from "../../src/node/hub/index.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { COMMIT, type Interruption, MockHub } from "../node/hub/mock-hub.ts";
import { Tally, type Workshop } from "./workshop.ts";

const WEIGHTS = new Uint8Array(24_000).fill(7);
const BOMB = gzipSync(new Uint8Array(2 ** 25));
/** Milliseconds for five tries of a request with a time limit of 0.2 s each. */
const PATIENCE = 20_000;

/** Bytes for as long as somebody takes them; to a request that has no body, which takes any number, none. */
function pour({ method }: IncomingMessage, response: ServerResponse, piece: Uint8Array): true {
  if (method === "HEAD") {
    response.end();
    return true;
  }
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    if (!response.destroyed) response.once("drain", more);
  };
  more();
  return true;
}

function drip(response: ServerResponse): true {
  const timer = setInterval(() => void response.write("x"), 20);
  response.once("close", () => clearInterval(timer));
  return true;
}

const answer =
  (status: number, headers: Record<string, string> = {}, body: string | Uint8Array = ""): Interruption =>
  (_, response) => {
    response.writeHead(status, headers).end(body);
    return true;
  };

/** Ways of a hub, and of its storage, to misbehave. */
const WAYS: Readonly<Record<string, Interruption>> = {
  "a body without end": (request, response) => pour(request, response.writeHead(200), new Uint8Array(65_536)),
  "a body that unfolds": answer(200, { "content-encoding": "gzip" }, BOMB),
  "a body that drips": (_, response) => drip(response.writeHead(200)),
  "a body that stops": (_, response) => response.writeHead(200).write("x"),
  "a body that is other": answer(200, {}, new Uint8Array(WEIGHTS.length)),
  "a body that is short": answer(200, {}, "short"),
  "no body": answer(204),
  "a part that was not asked for": answer(206, { "content-range": "bytes 9-10/24000" }, "xx"),
  "no such range": answer(416),
  "an error without end": answer(503),
  "a redirect to itself": (request, response) => answer(307, { location: request.url! })(request, response),
  "a redirect to nowhere": answer(302, { location: "http://127.0.0.1:9/" }),
  "a redirect to a file": answer(302, { location: "file:///etc/hostname" }),
  "no answer": () => true,
  "a hang-up": (_, response) => {
    response.destroy();
    return true;
  },
  "a commit that is a path": answer(200, { "x-repo-commit": "../../../x", etag: '"../../x"' }),
  "a hash that is a path": answer(200, { "x-repo-commit": COMMIT, etag: '"../../x"' }, "{}"),
  "a size that is none": answer(200, { "x-repo-commit": COMMIT, "x-linked-size": "-1", etag: `"${COMMIT}"` }),
};

/** Fetches a file and lists files from hubs that misbehave in every way. */
export async function tortureByHubs(shop: Workshop): Promise<Tally> {
  const tally = new Tally("hostile hubs");
  for (const [way, interruption] of Object.entries(WAYS)) {
    for (const place of ["interrupt", "interruptStorage"] as const) {
      const hub = await new MockHub({
        "models/org/name": { files: { "model.safetensors": WEIGHTS } },
      }).start();
      hub[place] = interruption;
      const home = mkdtempSync(shop.at("hub-"));
      const settings = {
        ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }),
        ...{ firstPause: 0.001, timeout: 0.2 },
      };
      const repo = { repo: "org/name", type: "model" } as const;
      const faults = [
        ...(await ending(fetchRepoFile({ ...repo, path: "model.safetensors" }, settings))),
        ...(place === "interrupt" ? await ending(listRepoFiles(repo, settings)) : []),
        ...tooMuch(home),
      ];
      tally.count(`${way}, from ${place === "interrupt" ? "the hub" : "its storage"}`, faults);
      await hub.stop();
      rmSync(home, { recursive: true });
    }
  }
  return tally;
}

async function ending(asked: Promise<unknown>): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string[]>((resolve) => {
    timer = setTimeout(() => resolve(["it does not end"]), PATIENCE);
  });
  const ended = asked.then(
    () => ["it succeeds"],
    (error: Error) =>
      error instanceof InputError && !error.message.includes("\n") ? [] : [`${error.name}: ${error.message}`],
  );
  return Promise.race([ended, late]).finally(() => clearTimeout(timer));
}

function tooMuch(home: string): string[] {
  const outside = readdirSync(home).filter((name) => name !== "hub");
  if (!existsSync(join(home, "hub"))) return outside;
  const sizes = readdirSync(join(home, "hub"), { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(home, "hub", name)))
    .filter((found) => found.isFile())
    .map(({ size }) => size);
  const sum = sizes.reduce((a, b) => a + b, 0);
  return [...outside, ...(sum > WEIGHTS.length + 1000 ? [`${sum} bytes in the cache`] : [])];
}
