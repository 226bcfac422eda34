/** @file The worker of a learner: computes, reads and stores, so that the page stays free. */
import type { LearnerImage, LearnerProgress } from "../learner/index.ts";
import { errorFrom, sentError } from "./errors.ts";
import type {
  CallName,
  Calls,
  FromWorker,
  LearnerState,
  SentImage,
  SentImages,
  ToWorker,
} from "./messages.ts";
import { newLearner, openedLearner, type StoredLearner } from "./stored-learner.ts";

/** As much of a worker's global object as is needed: types of pages and of workers exclude each other. */
interface WorkerScope {
  readonly name: string;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

/** Names of ONNX Runtime's own workers, which a bundler may start from this very file. */
const THREAD = /^em-pthread/;

const scope = globalThis as unknown as WorkerScope;
const stops = new Map<number, AbortController>();
const reads = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: Error): void }>();
let nextRead = 0;
let learner: StoredLearner | undefined;

/** What a call may do on its way. */
interface Caller {
  readonly id: number;
  readonly signal: AbortSignal;
  onProgress(progress: LearnerProgress): void;
}

type Handlers = {
  readonly [Name in CallName]: (
    caller: Caller,
    ...given: Parameters<Calls[Name]>
  ) => Promise<ReturnType<Calls[Name]>>;
};

const handlers: Handlers = {
  async create({ id }, options) {
    learner = await newLearner(options, (download) => scope.postMessage({ kind: "download", id, download }));
  },
  async open({ id }, model, options) {
    learner = await openedLearner(model, options, (download) =>
      scope.postMessage({ kind: "download", id, download }),
    );
  },
  learn: (caller, request, options) =>
    opened().learn(
      { ...request, classes: received(caller, request.classes) },
      { ...options, onProgress: caller.onProgress, signal: caller.signal },
    ),
  predict: (caller, images, options) =>
    opened().predict(
      images.map((image) => receivedImage(caller, image)),
      { ...options, onProgress: caller.onProgress, signal: caller.signal },
    ),
  evaluate: (caller, images) =>
    opened().evaluate(received(caller, images), { onProgress: caller.onProgress, signal: caller.signal }),
  renameClass: (_, name, to) => opened().renameClass(name, to),
  removeClass: (_, name) => opened().removeClass(name),
  undo: () => opened().undo(),
  info: () => opened().info(),
  files: () => opened().files(),
  export: (_, options) => opened().export(options),
  save: (_, name) => opened().save(name),
  async dispose() {
    await learner?.dispose();
  },
};

function opened(): StoredLearner {
  if (learner !== undefined) return learner;
  throw new Error("the worker has no learner yet");
}

async function answer({ id, name, arguments: given }: ToWorker & { readonly kind: "call" }): Promise<void> {
  const stop = new AbortController();
  stops.set(id, stop);
  const caller: Caller = {
    id,
    signal: stop.signal,
    onProgress: (progress) => scope.postMessage({ kind: "progress", id, progress }),
  };
  const handler = handlers[name] as (caller: Caller, ...given: unknown[]) => Promise<unknown>;
  try {
    const value = await handler(caller, ...given);
    scope.postMessage({ kind: "result", id, value, state: state() });
  } catch (error) {
    scope.postMessage({ kind: "error", id, error: sentError(error), state: state() });
  } finally {
    stops.delete(id);
  }
}

const state = (): LearnerState => ({ classes: learner?.classes ?? [], learns: learner?.learns ?? 0 });

const received = (caller: Caller, images: SentImages): Record<string, LearnerImage[]> =>
  Object.fromEntries(
    Object.entries(images).map(([name, own]) => [name, own.map((image) => receivedImage(caller, image))]),
  );

function receivedImage({ id }: Caller, image: SentImage): LearnerImage {
  if (typeof image !== "object" || !("number" in image)) return image;
  const { name, number } = image;
  return {
    name,
    read: () =>
      new Promise((resolve, reject) => {
        const read = nextRead++;
        reads.set(read, { resolve, reject });
        scope.postMessage({ kind: "read", id, number, read });
      }),
  };
}

function hear(message: ToWorker): void {
  switch (message.kind) {
    case "call":
      void answer(message);
      return;
    case "abort":
      stops.get(message.id)?.abort();
      return;
    default: {
      const waiting = reads.get(message.read);
      reads.delete(message.read);
      if (message.kind === "image") waiting?.resolve(message.bytes);
      else waiting?.reject(errorFrom(message.error));
    }
  }
}

if (!THREAD.test(scope.name)) scope.onmessage = ({ data }) => hear(data);
