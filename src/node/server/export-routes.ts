/** @file A model in other programs' formats, as one file to take home. */
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { type Pack, pack } from "tar-stream";
import type { Jobs } from "./jobs.ts";
import type { Models } from "./models.ts";
import { exportQuery, modelParameter } from "./schemas.ts";

/** Adds it to a server. */
export function addExportRoute(app: OpenAPIHono, models: Models, jobs: Jobs): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/models/{model}/export",
      summary: "A model for PEFT, transformers, transformers.js or any ONNX Runtime",
      description: "A .tar with a folder that has a README of its own.",
      tags: ["models"],
      request: { params: modelParameter, query: exportQuery },
      responses: {
        200: {
          description: "the archive",
          content: { "application/x-tar": { schema: { type: "string", format: "binary" } } },
        },
      },
    }),
    async (context) => {
      const { model } = context.req.valid("param");
      const { to, dtype, head, dropPrompts } = context.req.valid("query");
      models.check(model);
      const place = await mkdtemp(join(tmpdir(), "fmlora-export-"));
      const out = join(place, `${model}-${to}`);
      try {
        const dtypes = dtype === undefined ? {} : { dtype: [dtype] };
        const call = { to, head, out, dropPrompts: dropPrompts === "true", ...dtypes };
        const { signal } = context.req.raw;
        await jobs.alone(model, () => models.apart(model, "export", call, { signal }));
      } catch (error) {
        await rm(place, { recursive: true, force: true });
        throw error;
      }
      const archive = pack();
      // Whoever hangs up ends the archive; either way the folder goes.
      void packed(archive, out)
        .catch((error: Error) => archive.destroy(error))
        .finally(() => rm(place, { recursive: true, force: true }));
      context.header("Content-Type", "application/x-tar");
      context.header("Content-Disposition", `attachment; filename="${basename(out)}.tar"`);
      return context.body(Readable.toWeb(Readable.from(archive)) as ReadableStream);
    },
  );
}

/** Puts a folder's files into an archive, as they lie below it. */
async function packed(archive: Pack, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const { size } = await stat(file);
    const name = join(basename(folder), file.slice(folder.length + 1)).replaceAll("\\", "/");
    await pipeline(createReadStream(file), archive.entry({ name, size }));
  }
  archive.finalize();
}
