/** @file A small Hub on this machine: the part of its protocol that downloads need, and ways for it to misbehave. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A repository as the mock serves it. */
export interface MockRepo {
  /** Path -> content. Paths that end in .safetensors or .zip are large files (LFS): they lie on another host. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  readonly commit?: string;
  /** Other names of the commit; default: "main". */
  readonly revisions?: readonly string[];
  /** "token": 401 without the right token; "gated": 403 with a token that has no access. */
  readonly access?: "token" | "gated";
}

/** Answers a request in its own way and returns true, or leaves it to the mock. */
export type Interruption = (request: IncomingMessage, response: ServerResponse) => boolean;

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
export const TOKEN = "hf_right";

/** Git's name of a file's content. */
export const gitHash = (content: Uint8Array): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** A page of another origin may ask, as the Hub and its storage let it. */
const FOR_PAGES = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-expose-headers": "*",
};

/** Two servers: the Hub, and the storage that it redirects to for large files. */
export class MockHub {
  /** "HEAD /org/name/resolve/main/config.json", in order; storage's begin with "STORAGE". */
  readonly requests: string[] = [];
  /** Authorization headers that storage has seen: there must be none. */
  readonly leaked: string[] = [];
  readonly ranges: string[] = [];
  interrupt: Interruption = () => false;
  interruptStorage: Interruption = () => false;
  readonly #repos: Record<string, MockRepo>;
  readonly #hub: Server;
  readonly #storage: Server;

  /** @param repos by "models/org/name" or "datasets/org/name" */
  constructor(repos: Record<string, MockRepo>) {
    this.#repos = repos;
    this.#hub = createServer((request, response) => {
      if (allowed(request, response)) return;
      this.requests.push(`${request.method} ${request.url}`);
      if (!this.interrupt(request, response)) this.#answer(request, response);
    });
    this.#storage = createServer((request, response) => {
      if (allowed(request, response)) return;
      this.requests.push(`STORAGE ${request.method} ${request.url}`);
      if (request.headers.authorization !== undefined) this.leaked.push(request.headers.authorization);
      if (!this.interruptStorage(request, response)) this.#store(request, response);
    });
  }

  async start(): Promise<this> {
    for (const server of [this.#hub, this.#storage]) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return this;
  }

  async stop(): Promise<void> {
    for (const server of [this.#hub, this.#storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  get #storageUrl(): string {
    return `http://localhost:${(this.#storage.address() as AddressInfo).port}`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, this.url);
    const parts = decodeURIComponent(url.pathname).split("/").slice(1);
    if (parts[0] === "api") {
      this.#api(parts.slice(1), url, request, response);
      return;
    }
    const type = parts[0] === "datasets" ? "datasets" : "models";
    const [organization, name, , ...rest] = type === "datasets" ? parts.slice(1) : parts;
    const found = this.#find(`${type}/${organization}/${name}`, rest.join("/"), request, response);
    if (found === undefined) return;
    const { repo, path, commit } = found;
    const content = repo.files[path];
    response.setHeader("x-repo-commit", commit);
    if (content === undefined) {
      refuse(response, 404, "EntryNotFound");
      return;
    }
    const bytes = Buffer.from(content);
    if (!isLarge(path)) {
      response.setHeader("etag", `"${gitHash(bytes)}"`);
      send(request, response, bytes);
      return;
    }
    response.setHeader("x-linked-etag", `"${sha256(bytes)}"`);
    response.setHeader("x-linked-size", `${bytes.length}`);
    response.setHeader("etag", `"${gitHash(Buffer.from("pointer"))}"`);
    response
      .writeHead(302, { location: `${this.#storageUrl}/${type}/${organization}/${name}/${path}?signed` })
      .end();
  }

  #store(request: IncomingMessage, response: ServerResponse): void {
    const [type, organization, name, ...path] = new URL(request.url!, this.url).pathname.split("/").slice(1);
    const bytes = Buffer.from(this.#repos[`${type}/${organization}/${name}`]!.files[path.join("/")]!);
    response.setHeader("etag", '"of-the-storage"');
    if (request.headers.range !== undefined) this.ranges.push(request.headers.range);
    send(request, response, bytes);
  }

  #api(parts: string[], url: URL, request: IncomingMessage, response: ServerResponse): void {
    const [type, organization, name, kind, ...revision] = parts;
    const found = this.#find(`${type}/${organization}/${name}`, `${revision.join("/")}/`, request, response);
    if (found === undefined) return;
    const entries = Object.entries(found.repo.files).map(([path, content]) => {
      const bytes = Buffer.from(content);
      const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 130 };
      return {
        type: "file",
        path,
        size: bytes.length,
        oid: gitHash(bytes),
        ...(isLarge(path) ? { lfs } : {}),
      };
    });
    if (kind === "revision") {
      json(response, { _id: "1", id: `${organization}/${name}`, sha: found.commit, lastModified: 0 });
      return;
    }
    if (kind === "paths-info") {
      let body = "";
      request.on("data", (text: Buffer) => {
        body += text;
      });
      request.on("end", () => {
        const { paths } = JSON.parse(body) as { paths: string[] };
        json(
          response,
          entries.filter(({ path }) => paths.includes(path)),
        );
      });
      return;
    }
    // Two pages, to see that both are asked for.
    const page = Number(url.searchParams.get("page") ?? 0);
    const next = new URL(url);
    next.searchParams.set("page", "1");
    if (page === 0) response.setHeader("link", `<${next.href}>; rel="next"`);
    json(
      response,
      page === 0
        ? [{ type: "directory", path: "folder", size: 0 }, ...entries.slice(0, 1)]
        : entries.slice(1),
    );
  }

  /** Repository, commit and path of "revision/path", after all checks of access. */
  #find(key: string, revisionAndPath: string, request: IncomingMessage, response: ServerResponse) {
    const repo = this.#repos[key];
    const token = request.headers.authorization?.replace("Bearer ", "");
    if (repo === undefined || (repo.access === "token" && token === undefined)) {
      return refuse(response, 401, "RepoNotFound");
    }
    if (repo.access === "token" && token !== TOKEN) return refuse(response, 401, "");
    if (repo.access === "gated") return refuse(response, token === undefined ? 401 : 403, "GatedRepo");
    const commit = repo.commit ?? COMMIT;
    const revision = [commit, ...(repo.revisions ?? ["main"])].find((name) =>
      revisionAndPath.startsWith(`${name}/`),
    );
    if (revision === undefined) return refuse(response, 404, "RevisionNotFound");
    return { repo, commit, path: revisionAndPath.slice(revision.length + 1) };
  }
}

/** Lets pages in. @returns whether that was all that was asked */
function allowed(request: IncomingMessage, response: ServerResponse): boolean {
  for (const [name, value] of Object.entries(FOR_PAGES)) response.setHeader(name, value);
  if (request.method !== "OPTIONS") return false;
  response.writeHead(204).end();
  return true;
}

const isLarge = (path: string): boolean => /\.(safetensors|zip)$/.test(path);

/** All bytes, or the part that is asked for. */
function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(from ?? 0);
  if (start >= bytes.length && start > 0) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const end = to === undefined || to === "" ? bytes.length : Math.min(Number(to) + 1, bytes.length);
  const part = bytes.subarray(start, end);
  response.setHeader("content-length", part.length);
  if (from !== undefined) response.setHeader("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  response.writeHead(from === undefined ? 200 : 206).end(request.method === "HEAD" ? undefined : part);
}

function refuse(response: ServerResponse, status: number, code: string): undefined {
  response.writeHead(status, code === "" ? {} : { "x-error-code": code }).end();
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}
