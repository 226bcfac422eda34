/** @file How the playground is built: the built package, its backbone, and a service worker that knows all files. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Threads need both. */
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** Browsers that know light-dark(): what is made for older ones follows the system alone, not the choice on the page. */
const CSS_TARGET = ["chrome123", "edge123", "firefox120", "safari17.5"];

/** Files whose names and places stay: browsers know an installed page by them. */
const STAYING = ["icon.svg", "manifest.webmanifest"];

/** WebGPU's build of ONNX Runtime, which the page never asks for. */
const SELDOM = /asyncify|ort\.webgpu/;

/** Writes sw.js with the list of all that the page loads. The backbone's cache is the learner's own. */
function offline(): Plugin {
  return {
    name: "offline",
    apply: "build",
    generateBundle(_, bundle) {
      const files = Object.keys(bundle)
        .filter((file) => !SELDOM.test(file))
        .sort();
      const hash = createHash("sha256");
      for (const file of files) {
        const own = bundle[file];
        hash.update(file).update(own?.type === "chunk" ? own.code : (own?.source ?? ""));
      }
      const version = hash.digest("hex");
      const source = readFileSync(here("./src/sw.js"), "utf8");
      this.emitFile({
        type: "asset",
        fileName: "sw.js",
        source: source
          .replace("__FILES__", JSON.stringify(files))
          .replace("__VERSION__", JSON.stringify(version.slice(0, 12))),
      });
    },
  };
}

/** Puts those files beside the page. */
function staying(): Plugin {
  return {
    name: "staying",
    apply: "build",
    generateBundle() {
      for (const fileName of STAYING) {
        this.emitFile({ type: "asset", fileName, source: readFileSync(here(`./${fileName}`), "utf8") });
      }
    },
  };
}

/** Mode "server": the page of `fmlora serve`, whose learner is the server's; all others have one of their own. */
export default defineConfig(({ mode }) => ({
  root: here("."),
  base: "./",
  publicDir: mode === "server" ? false : here("../../models"),
  resolve: { alias: { "fm-lora/web": here("../../dist/web/index.js") } },
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  worker: { format: "es" },
  plugins: mode === "server" ? [staying()] : [staying(), offline()],
  server: { headers: ISOLATED },
  preview: { headers: ISOLATED },
  build: {
    outDir: here(mode === "server" ? "../../dist/playground" : "./dist"),
    emptyOutDir: true,
    target: "es2023",
    cssTarget: CSS_TARGET,
  },
}));
