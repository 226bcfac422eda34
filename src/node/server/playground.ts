/** @file The page at /: the playground of examples/playground, built for a server. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { serveStatic } from "@hono/node-server/serve-static";
import type { OpenAPIHono } from "@hono/zod-openapi";

/** Beside the built program, for its sources, too. Where a bundler has made one file of all, it is not there. */
const FOLDER = fileURLToPath(new URL("../../../dist/playground", import.meta.url));

/** Adds the page, which has no secrets and needs no token; where it was not built, / leads to the forms of the API. */
export function addPlayground(app: OpenAPIHono): void {
  if (!existsSync(FOLDER)) {
    app.get("/", (context) => context.redirect("api"));
    return;
  }
  const file = serveStatic({ root: FOLDER });
  for (const path of ["/", "/assets/*", "/icon.svg", "/manifest.webmanifest"]) app.get(path, file);
}
