/** @file Which ONNX Runtime there is: onnxruntime-node, or onnxruntime-web where that has no binary. */
import { createRequire } from "node:module";
import { InputError } from "../../tensor/errors.ts";
import { disableTelemetry } from "./no-telemetry.ts";

/** What both packages have in common. */
export type OnnxRuntime = typeof import("onnxruntime-node");

/** A package that was found. */
export interface LoadedRuntime {
  readonly onnxruntime: OnnxRuntime;
  /** Its name and version, for config.json. */
  readonly name: string;
  /** What computes in it. */
  readonly provider: "cpu" | "wasm";
}

// A bundle for require knows no URL of its own.
const requireHere = createRequire(import.meta.url ?? __filename);
let loaded: LoadedRuntime | undefined;

/**
 * The ONNX Runtime of this process, loaded when it is first asked for: what needs none works without.
 * @throws InputError if there is none
 */
export function onnxRuntime(): LoadedRuntime {
  disableTelemetry(); // before it is loaded
  loaded ??= loadOnnxRuntime((name) => requireHere(name));
  return loaded;
}

/**
 * The native package if it loads, else WebAssembly, with a warning.
 * @param load gives a package by its name, or throws
 * @throws InputError with both reasons
 */
export function loadOnnxRuntime(load: (name: string) => unknown): LoadedRuntime {
  const [native, whyNot] = tried(load, "onnxruntime-node");
  if (native !== undefined) {
    return {
      onnxruntime: native,
      name: nameOf("onnxruntime-node", native.env.versions.node),
      provider: "cpu",
    };
  }
  const [web, neither] = tried(load, "onnxruntime-web");
  const here = `${process.platform}-${process.arch}`;
  if (web === undefined) {
    throw new InputError(
      `onnxruntime-node can't be loaded on ${here} (${whyNot}), nor onnxruntime-web in its place (${neither}); ` +
        "if its install script failed, run ONNXRUNTIME_NODE_INSTALL=skip npm install; " +
        "where it has no binary, npm install onnxruntime-web, which is slower",
    );
  }
  process.emitWarning(
    `onnxruntime-node can't be loaded on ${here} (${whyNot}); onnxruntime-web computes in its place, slower`,
  );
  return { onnxruntime: web, name: nameOf("onnxruntime-web", web.env.versions.web), provider: "wasm" };
}

function tried(load: (name: string) => unknown, name: string): [OnnxRuntime] | [undefined, string] {
  try {
    return [load(name) as OnnxRuntime];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const absent = code === "MODULE_NOT_FOUND" && message.includes(`'${name}'`);
    return [undefined, absent ? "not installed" : String(message).split("\n")[0]!];
  }
}

const nameOf = (name: string, version: string | undefined): string => `${name} ${version ?? ""}`.trim();
