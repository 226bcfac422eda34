/** @file A learner on the server that the page comes from. */
import { signal } from "@preact/signals";
import type { Home } from "./home.ts";
import { RemoteLearner } from "./remote-learner.ts";
import { Api } from "./server-api.ts";
import { ServerPanel } from "./server-panel.tsx";

const MODEL = "playground-model";
const FIRST = "playground";

/** Names of the server's models. */
export const models = signal<readonly string[]>([]);
/** The one on the page. It need not be there yet. */
export const modelName = signal(localStorage.getItem(MODEL) ?? "");

const api = new Api(new URL(".", document.baseURI).href);

/** Puts another model on the page; `start` opens it. */
export function choose(name: string): void {
  modelName.value = name;
  localStorage.setItem(MODEL, name);
}

/** Pictures go to the server when it is taught and asked. */
export const serverHome: Home = {
  promise: "Pictures go to this server when you teach or ask it, and to no other.",
  keepsModel: false,
  Panel: ServerPanel,
  unlock: (token) => api.unlock(token),
  key: () => `playground of ${modelName.value}`,
  async open() {
    const { models: found } = await api.json<{ readonly models: readonly { readonly name: string }[] }>(
      "models",
    );
    models.value = found.map(({ name }) => name);
    if (modelName.value === "") choose(models.value[0] ?? FIRST);
    return new RemoteLearner(api, modelName.value);
  },
};
