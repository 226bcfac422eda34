/** @file Models, and what they say about images. */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { UNKNOWN } from "../../learner/index.ts";
import { InputError } from "../../tensor/errors.ts";
import type { Answered } from "./batcher.ts";
import type { Measures } from "./measures.ts";
import type { Models } from "./models.ts";
import { answers, describeFiles, tooLarge } from "./openapi.ts";
import { details, modelParameter, predictions, predictQuery, summary } from "./schemas.ts";
import type { ServerSettings } from "./settings.ts";
import { uploads } from "./uploads.ts";

/** Adds them to a server. */
export function addAnswerRoutes(
  app: OpenAPIHono,
  models: Models,
  measures: Measures,
  { bodyBytes, images: most }: ServerSettings,
): void {
  app.openapi(
    createRoute({
      method: "get",
      path: "/models",
      summary: "All models",
      tags: ["models"],
      responses: answers(200, "the models", z.object({ models: z.array(summary) })),
    }),
    (context) => context.json({ models: models.names().map((name) => models.summary(name)) }, 200),
  );
  app.openapi(
    createRoute({
      method: "get",
      path: "/models/{model}",
      summary: "All about a model: classes, tasks, similarity, sizes",
      tags: ["models"],
      request: { params: modelParameter },
      responses: answers(200, "the model", details),
    }),
    async (context) => {
      const { model } = context.req.valid("param");
      const process = await models.reader(model);
      const { classes: images, ...info } = await process.call("info", null);
      const { heads, tasks, similarity, stateBytes, backboneParameters, canUndo } = info;
      const sizes = { stateBytes, backboneParameters, canUndo };
      return context.json({ ...models.summary(model), images, heads, tasks, similarity, ...sizes }, 200);
    },
  );
  const predict = createRoute({
    method: "post",
    path: "/models/{model}/predict",
    summary: "What images show",
    description: `Images as files of a form (any field names), or one image as the whole body: JPEG, PNG, WebP or GIF, ${most} at most. An answer never depends on what else is asked at the time; an image that can't be read has an error in its place.`,
    tags: ["models"],
    request: { params: modelParameter, query: predictQuery },
    responses: answers(200, "an answer for each image, in their order", predictions),
  });
  describeFiles(app, predict, "images", true);
  app.use("/models/:model/predict", bodyLimit({ maxSize: bodyBytes, onError: tooLarge(bodyBytes) }));
  app.openapi({ ...predict, hide: true }, async (context) => {
    const { model } = context.req.valid("param");
    models.check(model); // before a large body is read
    const query = context.req.valid("query");
    const files = await uploads(context);
    if (files.length > most) {
      throw new InputError(`${files.length} images in one request; expected ${most} at most: send several`);
    }
    const answered = await models.answer(
      model,
      files.map(({ bytes }) => bytes),
    );
    const found = answered.map((each, i) => prediction(files[i]!.file, each, query));
    for (const { error, unknown } of found) {
      measures.image(model, error !== null ? "unreadable" : unknown ? "unknown" : "known");
    }
    return context.json({ model, learns: answered[0]!.learns, predictions: found }, 200);
  });
}

function prediction(
  file: string,
  { outcome }: Answered,
  { top, unknownThreshold }: z.infer<typeof predictQuery>,
): z.infer<typeof predictions>["predictions"][number] {
  if ("error" in outcome) {
    const nothing = { classes: [], strangeness: null, distance: null };
    return { file, label: null, unknown: false, ...nothing, error: outcome.error };
  }
  const { classes, strangeness, distance } = outcome;
  const unknown =
    unknownThreshold === undefined ? outcome.unknown : strangeness !== null && strangeness > unknownThreshold;
  return {
    file,
    label: unknown ? UNKNOWN : classes[0]!.className,
    unknown,
    classes: classes.slice(0, top),
    strangeness,
    distance,
    error: null,
  };
}
