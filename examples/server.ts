/** @file Serves models, has one taught over HTTP, and asks it. */
import { openAsBlob } from "node:fs";
import { classFolders, startServer } from "fm-lora/node";

const [models = "models", monday = "monday", photo = "photo.png"] = process.argv.slice(2);
const server = await startServer({ folder: models, port: 0, onNotice: console.error });

const images = new FormData();
for (const [name, paths] of Object.entries(await classFolders(monday))) {
  for (const path of paths) images.append(name, await openAsBlob(path), path);
}
const pets = `${server.url}/models/pets`;
const learn = await fetch(`${pets}/learn?train=never`, { method: "POST", body: images });
const { id } = (await learn.json()) as { id: string };
const events = await fetch(`${server.url}/jobs/${id}/events`);
console.log(/event: (done|failed)\ndata: (.*)/.exec(await events.text())?.[1]);

const asked = new FormData();
asked.append("images", await openAsBlob(photo), photo);
const answer = await fetch(`${pets}/predict?top=1`, { method: "POST", body: asked });
const { predictions } = (await answer.json()) as { predictions: { classes: object[] }[] };
console.log(predictions[0]?.classes); // [{ className, probability }]
await server.close();
