/** @file A learner in this browser: in a worker, with its model in the browser's own file system. */
import {
  createLearner,
  modelNames,
  openLearner,
  removeModel,
  type WebDownload,
  type WebLearner,
} from "fm-lora/web";
import type { Home, PageLearner } from "./home.ts";
import { download } from "./state.ts";

/** Name of the model in this browser. */
const MODEL = "playground";
/** Under which the browser remembers the network's name on the Hub. */
const NETWORK = "playground-network";

/** The one that comes along, unless another one was chosen. */
const optionsFor = (network: string | null) => ({
  backbone: network === null ? new URL("vit-tiny-patch8-64", document.baseURI).href : { hub: network },
  onDownload: ({ url, received, total }: WebDownload): void => {
    if (url.endsWith(".safetensors")) download.value = { received, total };
  },
});

const pageLearner = (own: WebLearner): PageLearner => ({
  info: () => own.info(),
  predict: (pictures) => own.predict(pictures),
  evaluate: (classes) => own.evaluate(classes),
  learn: (request, options) => own.learn(request, options),
  renameClass: (name, to) => own.renameClass(name, to),
  removeClass: (name) => own.removeClass(name),
  undo: () => own.undo(),
  save: () => own.save(),
  async take(form, dropPrompts) {
    if (form === "model") {
      const { model } = await own.files();
      return { name: "model.safetensors", blob: new Blob([model as Uint8Array<ArrayBuffer>]) };
    }
    const { files } = await own.export({ to: form, dropPrompts });
    const { zipSync } = await import("fflate");
    const folder = `fm-lora-${form}`;
    const paths = Object.entries(files).map(([path, bytes]) => [`${folder}/${path}`, bytes] as const);
    const zip = zipSync(Object.fromEntries(paths), { level: 0 }); // weights hardly get smaller
    return { name: `${folder}.zip`, blob: new Blob([zip as Uint8Array<ArrayBuffer>]) };
  },
  dispose: () => own.dispose(),
});

/** Everything stays in this browser. */
export const browserHome: Home = {
  promise: "Nothing leaves this page.",
  keepsModel: true,
  key: () => "playground",
  async open() {
    const options = optionsFor(localStorage.getItem(NETWORK));
    const stored = (await modelNames()).includes(MODEL);
    const own = stored
      ? await openLearner(MODEL, options)
      : await createLearner({ ...options, folder: MODEL });
    void navigator.storage.persist?.(); // without it, browsers may clear what is stored when room is short
    return pageLearner(own);
  },
  async replace(former, file, network) {
    const wanted = file === null ? (network ?? null) : localStorage.getItem(NETWORK);
    const options = optionsFor(wanted);
    const next = file === null ? await createLearner(options) : await openLearner(file, options);
    await former.dispose();
    await removeModel(MODEL);
    if (file === null) {
      await next.dispose();
      if (wanted === null) localStorage.removeItem(NETWORK);
      else localStorage.setItem(NETWORK, wanted);
      return pageLearner(await createLearner({ ...options, folder: MODEL }));
    }
    await next.save(MODEL);
    return pageLearner(next);
  },
};
