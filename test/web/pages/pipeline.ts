/** @file The page of the test of exports: transformers.js as its users have it. */
import { env, pipeline } from "@huggingface/transformers";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/exports/";
env.useBrowserCache = false; // every test sees what it loads
env.backends.onnx.wasm!.wasmPaths = "/transformers-wasm/";

/** Labels and probabilities of images, by their URLs. */
async function classify(folder: string, urls: readonly string[], dtype?: "fp32" | "q8") {
  const run = await pipeline("image-classification", folder, dtype === undefined ? {} : { dtype });
  const answers: unknown[] = [];
  for (const url of urls) answers.push(await run(url, { top_k: 10 }));
  await run.dispose();
  return answers;
}

Object.assign(globalThis, { classify });
