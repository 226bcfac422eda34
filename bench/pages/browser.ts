/** @file The page of bench/browser.ts: our learner and transformers.js, asked in turns. */
import { env, pipeline } from "@huggingface/transformers";
import { createLearner, openLearner, type WebLearner } from "../../src/web/index.ts";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/exports/";
env.useBrowserCache = false;
env.backends.onnx.wasm!.wasmPaths = "/transformers-wasm/";

const BACKBONE = "/models/vit-tiny-patch8-64";
let learner: WebLearner;
let images: Blob[];
const pipelines = new Map<string, Awaited<ReturnType<typeof classifier>>>();
const classifier = (dtype: "fp32" | "q8") => pipeline("image-classification", "mine", { dtype });

/** What the benchmark asks for; times are in milliseconds. */
const speed = {
  async open(urls: readonly string[], threads: number) {
    images = await Promise.all(urls.map(async (url) => (await fetch(url)).blob()));
    const model = await (await fetch("/model.safetensors")).blob();
    learner = await openLearner(model, { backbone: BACKBONE, threads });
    env.backends.onnx.wasm!.numThreads = threads;
    for (const dtype of ["fp32", "q8"] as const) pipelines.set(dtype, await classifier(dtype));
  },
  async ours() {
    const began = performance.now();
    const answers = await learner.predict(images, { top: 1 });
    return {
      milliseconds: performance.now() - began,
      labels: answers.map(({ classes }) => classes[0]!.className),
    };
  },
  async theirs(dtype: "fp32" | "q8") {
    const began = performance.now();
    const answers = (await pipelines.get(dtype)!(images as never, { top_k: 1 })) as unknown as {
      label: string;
    }[][];
    return {
      milliseconds: performance.now() - began,
      labels: answers.map((each) => [each].flat(2)[0]!.label),
    };
  },
  /** A learner of its own; the time is that of the training alone. */
  async train(epochs: number, threads: number) {
    const own = await createLearner({ backbone: BACKBONE, threads, seed: 1 });
    const half = images.length / 2;
    const steps: { at: number; done: number }[] = [];
    await own.learn(
      { classes: { one: images.slice(0, half), other: images.slice(half) } },
      {
        train: "always",
        epochs,
        onProgress({ phase, done }) {
          if (phase === "training") steps.push({ at: performance.now(), done });
        },
      },
    );
    await own.dispose();
    const [first, last] = [steps[0]!, steps.at(-1)!]; // the first step compiles
    return { milliseconds: last.at - first.at, images: last.done - first.done };
  },
};

Object.assign(globalThis, { speed });
