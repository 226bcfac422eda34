/** @file A real Chromium, and a server on loopback for what it loads. */
import { readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type Browser, chromium } from "playwright-core";
import { found } from "./services.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Debian's, or the one that FMLORA_CHROMIUM names. */
export const CHROMIUM = process.env.FMLORA_CHROMIUM ?? found("chromium") ?? found("chromium-browser");

/** Starts it. Not in a sandbox of its own: containers, and root, have none. */
export const startChromium = (...flags: readonly string[]): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM!, args: ["--no-sandbox", ...flags] });

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
  ".wasm": "application/wasm",
};

/** What is under which path: a folder under one that ends in a slash, or a file's text or bytes. */
export type Mounts = Readonly<Record<string, string | Uint8Array | { readonly folder: string }>>;

/** A server. */
export interface PageServer {
  readonly origin: string;
  /** Paths that were asked for, since the last look. */
  asked(): string[];
  close(): Promise<void>;
}

/**
 * Serves mounts on loopback.
 * @param isolated whether pages are cross-origin isolated, which threads need
 */
export async function serve(
  mounts: Mounts,
  { isolated = false }: { readonly isolated?: boolean } = {},
): Promise<PageServer> {
  let asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, "http://localhost").pathname);
    asked.push(path);
    const content = contentOf(mounts, path);
    const own = path.endsWith("/") ? ".html" : extname(path);
    response.writeHead(content === undefined ? 404 : 200, {
      "content-type": TYPES[own] ?? "application/octet-stream",
      ...(content === undefined ? {} : { "content-length": content.length }),
      ...(isolated
        ? {
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-embedder-policy": "require-corp",
            "cross-origin-resource-policy": "same-origin",
          }
        : {}),
    });
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    asked() {
      const all = asked;
      asked = [];
      return all;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function contentOf(mounts: Mounts, path: string): Buffer | undefined {
  const own = mounts[path];
  if (typeof own === "string") return Buffer.from(own);
  if (own instanceof Uint8Array) return Buffer.from(own);
  for (const [mount, content] of Object.entries(mounts)) {
    if (typeof content === "string" || content instanceof Uint8Array || !path.startsWith(mount)) continue;
    const inside = path.slice(mount.length);
    const file = join(content.folder, inside === "" ? "index.html" : inside);
    if (statSync(file, { throwIfNoEntry: false })?.isFile()) return readFileSync(file);
  }
  return undefined;
}

/** esbuild takes packages by their "exports" alone, where this one has only Node's build. */
export const HUB_IN_BROWSERS = {
  "@huggingface/hub": join(ROOT, "node_modules/@huggingface/hub/dist/browser/index.mjs"),
};

/** Bundles programs of pages as a bundler does; each is "/<name>.js", ONNX Runtime's WebAssembly beside them. */
export async function bundled(
  programs: Readonly<Record<string, string>>,
  { minify = false }: { readonly minify?: boolean } = {},
): Promise<Readonly<Record<string, Uint8Array>>> {
  const { outputFiles } = await build({
    entryPoints: Object.entries(programs).map(([out, path]) => ({ in: join(ROOT, path), out })),
    outdir: "/",
    bundle: true,
    splitting: true, // what is loaded when it is needed is a file of its own
    minify,
    alias: HUB_IN_BROWSERS,
    platform: "browser",
    format: "esm",
    target: "es2023",
    write: false,
    logLevel: "silent", // errors are thrown
  });
  const wasm = ["", ".asyncify"].map((build) => `ort-wasm-simd-threaded${build}.wasm`);
  return {
    ...Object.fromEntries(outputFiles.map(({ path, contents }) => [path, contents])),
    ...Object.fromEntries(
      wasm.map((name) => [
        `/${name}`,
        readFileSync(join(ROOT, "node_modules", "onnxruntime-web", "dist", name)),
      ]),
    ),
  };
}
