/** @file The page of bench/browser.ts: our learner and transformers.js, asked in turns. */
import { env, pipeline } from "@huggingface/transformers";
import { createLearner, openLearner, type WebLearner } from "../../src/web/index.ts";

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = "/exports/";
env.useBrowserCache = false;
env.backends.onnx.wasm!.wasmPaths = "/transformers-wasm/";

const BACKBONE = "/models/vit-tiny-patch8-64";
type Precision = "float32" | "int8";
const learners = new Map<Precision, WebLearner>();
let images: Blob[];
const pipelines = new Map<string, Awaited<ReturnType<typeof classifier>>>();
const classifier = (dtype: "fp32" | "q8") => pipeline("image-classification", "mine", { dtype });

/** What the benchmark asks for; times are in milliseconds. */
const speed = {
  async open(urls: readonly string[], threads: number) {
    images = await Promise.all(urls.map(async (url) => (await fetch(url)).blob()));
    for (const precision of ["float32", "int8"] as const) {
      const model = await (await fetch(`/${precision}.safetensors`)).blob();
      learners.set(precision, await openLearner(model, { backbone: BACKBONE, threads }));
    }
    env.backends.onnx.wasm!.numThreads = threads;
    for (const dtype of ["fp32", "q8"] as const) pipelines.set(dtype, await classifier(dtype));
  },
  async ours(precision: Precision) {
    const began = performance.now();
    const answers = await learners.get(precision)!.predict(images, { top: 1 });
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
  async train(epochs: number, threads: number, precision: Precision) {
    const own = await createLearner({ backbone: BACKBONE, threads, precision, seed: 1 });
    const third = images.length / 3;
    const [one, other, last] = [0, 1, 2].map((i) => images.slice(i * third, (i + 1) * third));
    const steps: { at: number; done: number }[] = [];
    await own.learn(
      { classes: { one: one!, other: other!, third: last! } },
      {
        train: "always",
        epochs,
        onProgress({ phase, done }) {
          if (phase === "training") steps.push({ at: performance.now(), done });
        },
      },
    );
    await own.dispose();
    const [from, to] = [steps[0]!, steps.at(-1)!]; // the first step compiles
    return { milliseconds: to.at - from.at, images: to.done - from.done };
  },
};

Object.assign(globalThis, { speed });
