/** @file Learns the classes of a folder of images, task after task, and classifies an image. */
import { readFile } from "node:fs/promises";
import { runTable } from "fm-lora";
import { openModel, runBenchmark, sharpTransform } from "fm-lora/node";

const [data = "images", image = "image.png", out = "runs/example"] = process.argv.slice(2);
const metrics = await runBenchmark({ benchmark: "folder", data, tasks: 3, out });
console.log(runTable(metrics));

const model = await openModel(out);
const file = { kind: "encoded" as const, bytes: await readFile(image) };
const images = await sharpTransform(file, model.preprocessing, null);
const [answer] = await model.classify({ images, count: 1 });
console.log(answer?.classes[0]); // { className, probability }
await model.dispose();
