/** @file Where a worker thread's own file is: compiled, or TypeScript. */
import type { Worker } from "node:worker_threads";

/**
 * Arguments for a worker whose file lies beside `from` (an import.meta.url): compiled, or TypeScript under tsx and Vitest,
 * whose loaders a new thread lacks.
 */
export function workerEntry(
  from: string,
  name: string,
): [string | URL, ConstructorParameters<typeof Worker>[1]] {
  if (!from.endsWith(".ts")) return [new URL(`${name}.js`, from), {}];
  const tsx = import.meta.resolve("tsx/esm/api");
  const entry = new URL(`${name}.ts`, from);
  const start = `import("${tsx}").then(({ register }) => { register(); return import("${entry}"); })`;
  return [start, { eval: true, execArgv: [] }];
}
