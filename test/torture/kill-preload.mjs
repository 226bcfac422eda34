/**
 * @file Preloaded into a command (`node --import`), kills it at its n-th step of writing: FMLORA_KILL_AT=n, and
 * FMLORA_KILL_HOW: before the step, in the middle of it (half of the bytes are written), or after it.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

let left = isMainThread ? Number(process.env.FMLORA_KILL_AT ?? 0) : 0;
const how = process.env.FMLORA_KILL_HOW;
const die = () => process.kill(process.pid, "SIGKILL");

/** Counts the calls of a method; `half` does part of one. */
function watch(owner, name, half = () => {}) {
  const original = owner[name];
  owner[name] = function (...given) {
    if (--left !== 0) return original.apply(this, given);
    if (how === "after") {
      const done = original.apply(this, given);
      if (typeof done?.then !== "function") die();
      return done.then(die, die);
    }
    if (how === "middle") half.call(this, original, ...given);
    die();
  };
}

const halfWrite = function (original, target, bytes, at, length, ...rest) {
  original.call(this, target, bytes, at, length >> 1, ...rest);
};
watch(fs, "writeSync", halfWrite);
for (const name of ["openSync", "fsyncSync", "ftruncateSync", "truncateSync", "mkdirSync", "rmSync"]) {
  watch(fs, name);
}
for (const name of ["rename", "open", "rm", "mkdir"]) watch(fs.promises, name);
const handle = await fs.promises.open(process.execPath);
const handles = Object.getPrototypeOf(handle);
await handle.close();
watch(handles, "write", function (_original, bytes, at, length, position) {
  // Through the descriptor, which is done before the process dies.
  fs.writeSync(this.fd, bytes, at, length >> 1, position);
});
for (const name of ["sync", "close"]) watch(handles, name);
if (isMainThread) left = Number(process.env.FMLORA_KILL_AT ?? 0); // what this file did itself
syncBuiltinESMExports();
