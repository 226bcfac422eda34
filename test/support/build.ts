/** @file Before tests of the command line: it is tested as built, and never with a stale build. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function setup(): void {
  const script = fileURLToPath(new URL("../../scripts/bootstrap.mjs", import.meta.url));
  execFileSync(process.execPath, [script, "build"], { stdio: ["ignore", "inherit", "inherit"] });
}
