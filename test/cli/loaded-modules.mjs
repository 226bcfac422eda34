/** @file Preloaded with --import: appends the URL of every module that is loaded to the file that LOADED_MODULES names. */
import { appendFileSync } from "node:fs";
import { createRequire, register } from "node:module";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  register(import.meta.url); // loads this file again, in a thread of its own, for `load`
  // What CommonJS modules require doesn't pass `load`.
  process.on("exit", () => tell(Object.keys(createRequire(import.meta.url).cache).join("\n")));
}

export function load(url, context, next) {
  tell(url);
  return next(url, context);
}

function tell(text) {
  appendFileSync(process.env.LOADED_MODULES, `${text}\n`);
}
