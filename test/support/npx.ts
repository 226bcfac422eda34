/** @file `npx fmlora` for commands of documents: the built command, as it is in a clone. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Runs a document's commands in a folder, up to the first that fails. Returns what they print. */
export function bashWithNpx(place: string, commands: string): string {
  const npx = join(place, "npx");
  writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(npx, 0o755);
  return execFileSync("bash", ["-euc", commands], {
    cwd: place,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${place}${delimiter}${process.env.PATH}` },
  });
}

/** Runs a document's commands beside a server of its own, which has to end well. Returns what they print. */
export const bashBesideServer = (place: string, serve: string, port: number, commands: string): string =>
  bashWithNpx(
    place,
    [
      `${serve} &`,
      `until curl -sf localhost:${port}/health; do sleep 1; done`,
      commands,
      "kill %1",
      "wait %1", // 0: it ended by itself
    ].join("\n"),
  );
