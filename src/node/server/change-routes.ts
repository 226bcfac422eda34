/** @file What changes a model: learning, taking back, renaming and removing classes. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import type { CallName, Calls } from "./calls.ts";
import type { Jobs } from "./jobs.ts";
import type { Models } from "./models.ts";
import { answers, describeFiles, tooLarge } from "./openapi.ts";
import { classes, classParameter, job, learnQuery, modelParameter, newName } from "./schemas.ts";
import type { ServerSettings } from "./settings.ts";
import { byField, uploads } from "./uploads.ts";

/** Adds them to a server. */
export function addChangeRoutes(
  app: OpenAPIHono,
  models: Models,
  jobs: Jobs,
  settings: ServerSettings,
): void {
  const { bodyBytes, readOnly } = settings;
  /** Does something short in a process of its own. */
  const changed = <Name extends CallName>(model: string, name: Name, given: Calls[Name]["given"]) => {
    if (readOnly) throw refused();
    models.check(model);
    return jobs.alone(model, () => models.apart(model, name, given));
  };

  const learn = createRoute({
    method: "post",
    path: "/models/{model}/learn",
    summary: "Learn classes from images",
    description:
      "Images as files of a form; the name of a field is the name of a class: `curl -F mug=@1.jpg -F mug=@2.jpg -F pen=@3.jpg`. A model that is not there yet is made. One job at a time for a model; it answers as before until the job is done.",
    tags: ["learning"],
    request: { params: modelParameter, query: learnQuery },
    responses: answers(202, "a job; its address is in the header Location", job),
  });
  describeFiles(app, learn, "mug", false);
  app.use("/models/:model/learn", bodyLimit({ maxSize: bodyBytes, onError: tooLarge(bodyBytes) }));
  app.openapi({ ...learn, hide: true }, async (context) => {
    if (readOnly) throw refused();
    const { model } = context.req.valid("param");
    const query = context.req.valid("query");
    models.folder(model); // a name that can't be is told before a large body is read
    const files = byField(await uploads(context));
    const added = jobs.add(model, (options) =>
      models.apart(model, "learn", { ...query, classes: files }, options),
    );
    context.header("Location", `/jobs/${added.view.id}`);
    return context.json(added.view, 202);
  });
  app.openapi(
    createRoute({
      method: "post",
      path: "/models/{model}/undo",
      summary: "Take the last learn back",
      tags: ["learning"],
      request: { params: modelParameter },
      responses: answers(200, "the classes that it knows again", classes),
    }),
    async (context) => {
      const { model } = context.req.valid("param");
      return known(context, await changed(model, "undo", null));
    },
  );
  app.openapi(
    createRoute({
      method: "patch",
      path: "/models/{model}/classes/{class}",
      summary: "Give a class another name",
      tags: ["learning"],
      request: {
        params: classParameter,
        body: { required: true, content: { "application/json": { schema: newName } } },
      },
      responses: answers(200, "the classes then", classes),
    }),
    async (context) => {
      const { model, class: name } = context.req.valid("param");
      const { name: to } = context.req.valid("json");
      return known(context, await changed(model, "rename", { name, to }));
    },
  );
  app.openapi(
    createRoute({
      method: "delete",
      path: "/models/{model}/classes/{class}",
      summary: "Take a class out of the answers",
      description:
        "That is no unlearning: what its images changed in the network and in what all classes share stays.",
      tags: ["learning"],
      request: { params: classParameter },
      responses: answers(200, "the classes then", classes),
    }),
    async (context) => {
      const { model, class: name } = context.req.valid("param");
      return known(context, await changed(model, "remove", { name }));
    },
  );
}

const known = (context: Context, names: readonly string[]) => context.json({ classes: [...names] }, 200);

const refused = () =>
  new HTTPException(403, { message: "models on this server can't be changed (--read-only)" });
