/** @file The page of the tests of fm-lora/web: its functions, called by name from the tests. */
import type { Preprocessing } from "../../../src/data/dataset.ts";
import type { LearnerImage, LearnOptions } from "../../../src/learner/index.ts";
import { checkRuntime } from "../../../src/testing/index.ts";
import {
  type CreateLearnerOptions,
  canvasTransform,
  createLearner,
  type ExportChoice,
  modelNames,
  type OpenLearnerOptions,
  openLearner,
  removeModel,
  type WebLearner,
  type WebRuntimeOptions,
  webRuntime,
} from "../../../src/web/index.ts";
import { stepOn } from "./step.ts";

let learner: WebLearner;
let downloads: string[] = [];
const onDownload: CreateLearnerOptions["onDownload"] = ({ url, received, total }) => {
  if (received === total) downloads.push(url);
};

const blobs = (urls: readonly string[]): Promise<Blob[]> =>
  Promise.all(urls.map(async (url) => (await fetch(url)).blob()));

const classesOf = async (
  urls: Readonly<Record<string, readonly string[]>>,
): Promise<Record<string, Blob[]>> =>
  Object.fromEntries(
    await Promise.all(Object.entries(urls).map(async ([name, own]) => [name, await blobs(own)] as const)),
  );

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 2 ** 15) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 2 ** 15)));
  }
  return btoa(parts.join(""));
}
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));

/** All that tests may ask for; answers are JSON. */
export const lab = {
  isolated: () => crossOriginIsolated,
  stepOn,
  async runtime(threads: number, device?: WebRuntimeOptions["device"]) {
    const runtime = webRuntime({ threads, device });
    await checkRuntime(runtime);
    return { name: runtime.name, threads: runtime.threads };
  },
  async create(options: CreateLearnerOptions) {
    learner = await createLearner({ ...options, onDownload });
  },
  async open(name: string, options: OpenLearnerOptions) {
    learner = await openLearner(name, { ...options, onDownload });
    return learner.classes;
  },
  async openFile(model: string, options: OpenLearnerOptions) {
    learner = await openLearner(fromBase64(model), { ...options, onDownload });
    return learner.classes;
  },
  async learn(classes: Readonly<Record<string, readonly string[]>>, options: LearnOptions = {}) {
    const losses: number[] = [];
    const phases: string[] = [];
    const result = await learner.learn(
      { classes: await classesOf(classes) },
      {
        ...options,
        onProgress({ phase, loss }) {
          if (loss !== undefined) losses.push(loss);
          if (phases.at(-1) !== phase) phases.push(phase);
        },
      },
    );
    return { result, losses, phases };
  },
  /** Stops a learn at its first step that trains. */
  async learnUntilTraining(classes: Readonly<Record<string, readonly string[]>>, options: LearnOptions) {
    const stop = new AbortController();
    const learn = learner.learn(
      { classes: await classesOf(classes) },
      {
        ...options,
        signal: stop.signal,
        onProgress: ({ phase }) => {
          if (phase === "training") stop.abort(new Error("enough"));
        },
      },
    );
    return learn.then(
      () => "learned",
      (error: Error) => error.message,
    );
  },
  /** Begins a learn and is told of its first step that trains; it goes on. */
  async beginTraining(classes: Readonly<Record<string, readonly string[]>>, options: LearnOptions) {
    const images = await classesOf(classes);
    await new Promise<void>((resolve, reject) => {
      learner
        .learn(
          { classes: images },
          { ...options, onProgress: ({ phase }) => phase === "training" && resolve() },
        )
        .then(() => learner.save())
        .catch(reject);
    });
  },
  predict: async (urls: readonly string[]) => learner.predict(await blobs(urls)),
  evaluate: async (classes: Readonly<Record<string, readonly string[]>>) =>
    learner.evaluate(await classesOf(classes)),
  /** The same image in every form that a learner takes, and one that it doesn't. */
  async forms(url: string) {
    const [blob] = await blobs([url]);
    const bytes = new Uint8Array(await blob!.arrayBuffer());
    const bitmap = await createImageBitmap(blob!);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")!;
    context.drawImage(bitmap, 0, 0);
    const forms: LearnerImage[] = [
      blob!,
      new File([blob!], "one.png"),
      bytes,
      context.getImageData(0, 0, bitmap.width, bitmap.height),
      { name: "read later", read: async () => bytes },
      { arrayBuffer: () => blob!.arrayBuffer() },
    ];
    return learner.predict(forms);
  },
  async failures() {
    const messages: string[] = [];
    const failing: (() => Promise<unknown>)[] = [
      () => learner.predict(["photo.png"]),
      () => learner.predict([Uint8Array.of(1, 2, 3)]),
      () => learner.predict([new Blob([Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0)])]),
      () =>
        learner.predict([
          {
            name: "late.png",
            read: async () => {
              throw new Error("the card was pulled out");
            },
          },
        ]),
      () => learner.learn({ classes: { empty: [] } }),
      () => learner.renameClass("nobody", "somebody"),
    ];
    for (const fail of failing)
      await fail().catch((error: Error) => messages.push(`${error.name}: ${error.message}`));
    return messages;
  },
  rename: (name: string, to: string) => learner.renameClass(name, to),
  remove: (name: string) => learner.removeClass(name),
  undo: () => learner.undo(),
  info: () => learner.info(),
  classes: () => learner.classes,
  save: (name?: string) => learner.save(name),
  files: async () => base64((await learner.files()).model),
  async exported(options: ExportChoice) {
    const { files, notes } = await learner.export(options);
    return {
      notes,
      files: Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, base64(bytes)])),
    };
  },
  dispose: () => learner.dispose(),
  modelNames,
  removeModel,
  downloads() {
    const all = downloads;
    downloads = [];
    return all;
  },
  async pixels(url: string, preprocessing: Preprocessing) {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    return base64(await canvasTransform({ kind: "encoded", bytes }, preprocessing, null));
  },
};

/** What tests call it by. */
export type Lab = typeof lab;

Object.assign(globalThis, { lab });
