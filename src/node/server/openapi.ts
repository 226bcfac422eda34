/** @file What the descriptions of routes share. */
import type { OpenAPIHono, RouteConfig, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { problem } from "./schemas.ts";

const PROBLEM = { "application/json": { schema: problem } };

/** A route's answers: its own as JSON, and one line of an error for everything else. */
export function answers<Status extends number, Schema extends z.ZodType>(
  status: Status,
  description: string,
  schema: Schema,
) {
  return {
    [status]: { description, content: { "application/json": { schema } } },
    default: { description: "what was wrong, in one line", content: PROBLEM },
  } as {
    [key in Status]: { description: string; content: { "application/json": { schema: Schema } } };
  };
}

/**
 * Describes a route with a body of files. The route itself is added without: a form with names of classes as fields is
 * nothing that a schema could check.
 */
export function describeFiles(app: OpenAPIHono, route: RouteConfig, field: string, whole: boolean): void {
  const file = { type: "string", format: "binary" } as const;
  const many = { type: "array", items: file } as const;
  const form = whole
    ? { type: "object", properties: { [field]: many } }
    : { type: "object", additionalProperties: many, properties: { [field]: many } };
  app.openAPIRegistry.registerPath({
    ...route,
    request: {
      ...route.request,
      body: {
        required: true,
        content: {
          "multipart/form-data": { schema: form as object },
          ...(whole ? { "image/*": { schema: file as object } } : {}),
        },
      },
    },
  });
}

/** Refuses a body that is too large. */
export const tooLarge = (bytes: number) => (context: Context) =>
  context.json({ error: `the request has over ${bytes} bytes; send fewer images, or smaller ones` }, 413);
