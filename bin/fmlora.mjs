#!/usr/bin/env node
/** @file The `fmlora` command, and what to do in a clone that isn't built: npx needs a file that is there. */
import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error("fmlora: this clone is not built yet: run `npm ci` and `npm run build`, or `npm start`");
  process.exitCode = 2;
}
