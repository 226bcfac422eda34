/** @file Jobs: where they stand, their events, and their end. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import type { Job, Jobs, JobView } from "./jobs.ts";
import { answers } from "./openapi.ts";
import { job, jobParameter } from "./schemas.ts";

/** A connection without events is closed by what lies in between; this is told so often. */
const HEARTBEAT = 15_000;

/** Adds them to a server. */
export function addJobRoutes(app: OpenAPIHono, jobs: Jobs): void {
  const request = { params: jobParameter };
  const tags = ["jobs"];
  app.openapi(
    createRoute({
      method: "get",
      path: "/jobs/{job}",
      summary: "Where a job stands",
      tags,
      request,
      responses: answers(200, "the job", job),
    }),
    (context) => context.json(jobs.get(context.req.valid("param").job).view, 200),
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/jobs/{job}",
      summary: "Cancel a job",
      description: "It ends as soon as nothing is lost by that; the model stays as it was.",
      tags,
      request,
      responses: answers(202, "the job as it is now", job),
    }),
    (context) => {
      const found = jobs.get(context.req.valid("param").job);
      found.cancel();
      return context.json(found.view, 202);
    },
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/jobs/{job}/events",
      summary: "A job's events, until it ends",
      description:
        "Server-sent events, each named by the job's status, with the job as JSON; the first one tells where it is.",
      tags,
      request,
      responses: {
        200: {
          description: "events",
          content: { "text/event-stream": { schema: { type: "string" } } },
        },
      },
    }),
    (context) => {
      const found = jobs.get(context.req.valid("param").job);
      return streamSSE(context, async (stream) => {
        const changes = changesOf(found);
        stream.onAbort(() => void changes.return(undefined));
        for await (const view of changes) {
          if (view === null) await stream.write(": still here\n\n");
          else await stream.writeSSE({ event: view.status, data: JSON.stringify(view) });
        }
      });
    },
  );
}

/** A job's view now and after each change, the newest alone if somebody is slow; null after a silence. */
async function* changesOf(found: Job): AsyncGenerator<JobView | null, void> {
  let wake = (): void => {};
  let last: JobView | undefined;
  const onChange = (): void => wake();
  found.on("change", onChange);
  try {
    for (;;) {
      const { view } = found;
      if (view !== last) {
        last = view;
        yield view;
        continue;
      }
      if (found.ended) return;
      const heard = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), HEARTBEAT);
        wake = () => {
          clearTimeout(timer);
          resolve(true);
        };
      });
      if (!heard) yield null;
    }
  } finally {
    found.off("change", onChange);
  }
}
