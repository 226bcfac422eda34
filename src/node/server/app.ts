/** @file The server's answers to requests, without a socket. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { routePath } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import { InputError } from "../../tensor/errors.ts";
import { addAnswerRoutes } from "./answer-routes.ts";
import { OverloadedError } from "./batcher.ts";
import { addChangeRoutes } from "./change-routes.ts";
import { addExportRoute } from "./export-routes.ts";
import { fromHere, notTooOften, withToken } from "./guard.ts";
import { addJobRoutes } from "./job-routes.ts";
import { BusyError, type Jobs } from "./jobs.ts";
import type { Measures } from "./measures.ts";
import { ProcessEndedError } from "./model-process.ts";
import { type Models, NotFoundError } from "./models.ts";
import { PAGE, SCRIPT, STYLE } from "./page.ts";
import { addPlayground } from "./playground.ts";
import { health } from "./schemas.ts";
import type { ServerSettings } from "./settings.ts";

/** What the server's answers are made of. */
export interface AppParts {
  readonly settings: ServerSettings;
  readonly models: Models;
  readonly jobs: Jobs;
  readonly measures: Measures;
  readonly version: string;
  readonly isStopping: () => boolean;
}

/** All routes. */
export function serverApp({ settings, models, jobs, measures, version, isStopping }: AppParts): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook(result, context) {
      if (result.success) return undefined;
      const [issue] = result.error.issues;
      return context.json({ error: `${issue!.path.join(".") || result.target}: ${issue!.message}` }, 400);
    },
  });
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    measures.request(
      context.req.method,
      routePath(context, -1),
      context.res.status,
      (performance.now() - start) / 1000,
    );
  });
  app.use(
    secureHeaders({
      strictTransportSecurity: false, // for whoever puts TLS in front to say
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", "blob:"],
        frameAncestors: ["'none'"],
      },
    }),
  );
  app.use(fromHere(settings));
  if (settings.origins.length > 0) app.use(cors({ origin: [...settings.origins] }));
  app.use(notTooOften(settings));

  // Without a token: whether it lives, and the pages, which ask for one.
  addPlayground(app);
  app.get("/api", (context) => context.html(PAGE));
  app.get("/page.js", (context) => context.body(SCRIPT, 200, { "Content-Type": "text/javascript" }));
  app.get("/page.css", (context) => context.body(STYLE, 200, { "Content-Type": "text/css" }));
  app.openapi(
    {
      method: "get",
      path: "/health",
      summary: "Whether the server is there",
      tags: ["server"],
      security: [],
      responses: { 200: { description: "it is", content: { "application/json": { schema: health } } } },
    },
    (context) =>
      context.json({ status: isStopping() ? ("stopping" as const) : ("ok" as const), version }, 200),
  );
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "fm-lora",
      version,
      description:
        "Models that keep learning: classes from images, answers, and what other programs can read.",
    },
    security: settings.tokens.length === 0 ? [] : [{ token: [] }],
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });

  app.use(withToken(settings));
  app.openAPIRegistry.registerPath({
    method: "get",
    path: "/metrics",
    summary: "Counts for Prometheus",
    tags: ["server"],
    responses: { 200: { description: "in its text format", content: { "text/plain": { schema: {} } } } },
  });
  app.get("/metrics", async (context) => {
    const { type, body } = await measures.text();
    return context.body(body, 200, { "Content-Type": type });
  });
  addAnswerRoutes(app, models, measures, settings);
  addChangeRoutes(app, models, jobs, settings);
  addJobRoutes(app, jobs);
  addExportRoute(app, models, jobs);

  app.notFound((context) =>
    context.json(
      { error: `there is no ${context.req.method} ${context.req.path}; /openapi.json lists what there is` },
      404,
    ),
  );
  app.onError((error, context) => {
    if (error instanceof HTTPException) {
      // Those with an answer of their own, as where the token is missing, have headers that matter.
      return error.res ?? context.json({ error: error.message || "refused" }, error.status);
    }
    if (error instanceof NotFoundError) return context.json({ error: error.message }, 404);
    if (error instanceof BusyError) return context.json({ error: error.message }, 409);
    if (error instanceof OverloadedError || error instanceof ProcessEndedError) {
      context.header("Retry-After", "1");
      return context.json({ error: error.message }, 503);
    }
    if (error instanceof InputError) return context.json({ error: error.message }, 400);
    settings.onNotice(`${context.req.method} ${context.req.path}: ${error.stack ?? error.message}`);
    return context.json({ error: "the server failed at this; its log has the reason" }, 500);
  });
  return app;
}
