/** @file Rooms: what may import what, and how long a file may be. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";

/** From the bottom up: a file imports its own room and rooms before it. */
const ROOMS = words(`
  tensor graph ops autodiff onnx runtime data nn optim metrics
  network heads methods train pretraining report export run grid tuning learner index.ts testing web node cli
`);
/** The same inside src/node. */
const NODE_ROOMS = words(
  "files runtime archives images hub benchmarks backbones runs learner exports server pretraining trackers grid tuning index.ts",
);
const APART = ["web", "node"]; // neither imports the other
const NODE_ONLY = ["node", "cli"];
/** Packages for the core; all others are for the rooms of one platform. */
const PORTABLE = words("@bufbuild/protobuf @observablehq/plot leven ml-matrix pure-rand zod");
const AMBIENT = ["globals.d.ts"];
const GENERATED = "test/onnx/generated/";
const MAX_LINES = 300;

/** Breaches of the rules, one line each. files: path from the repository's root -> text */
function breaches(files: ReadonlyMap<string, string>): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.trimEnd().split("\n").length;
    const long = lines > MAX_LINES && !path.startsWith(GENERATED);
    return [
      ...(long ? [`${path}: ${lines} lines, at most ${MAX_LINES}`] : []),
      ...(path.startsWith("src/") ? importBreaches(path, text) : []),
      ...(path.startsWith("src/") ? operatorBreaches(path, text) : []),
    ];
  });
}

function importBreaches(path: string, text: string): string[] {
  const room = roomOf(path);
  if (AMBIENT.includes(room)) return [];
  if (!ROOMS.includes(room)) return [`${path}: src/${room} is no room; rooms are ${ROOMS.join(", ")}`];
  // TypeScript's own reader: static, type-only, re-exporting and dynamic imports, none inside text or comments.
  const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  return imports.flatMap((target) => {
    if (!target.startsWith(".")) {
      const builtin = target.startsWith("node:") || builtinModules.includes(target);
      const allowed = PORTABLE.includes(packageOf(target)) || (APART.includes(room) && !builtin);
      return allowed || NODE_ONLY.includes(room) ? [] : [`${path}: imports ${target}; only ${NODE_ONLY} may`];
    }
    const file = posix.join(posix.dirname(path), target);
    const to = roomOf(file);
    if (AMBIENT.includes(to)) return [];
    if (room === "node" && to === "node") return nodeBreaches(path, file);
    const apart = room !== to && APART.includes(room) && APART.includes(to);
    return apart || isAbove(ROOMS, room, to) ? [`${path}: ${room} imports ${target}, which is in ${to}`] : [];
  });
}

/** Node's rooms among each other. */
function nodeBreaches(path: string, target: string): string[] {
  const [room, to] = [path, target].map((file) => file.split("/")[2]!) as [string, string];
  return isAbove(NODE_ROOMS, room, to)
    ? [`${path}: node/${room} imports ${target}, which is in node/${to}`]
    : [];
}

const isAbove = (rooms: readonly string[], room: string, to: string): boolean =>
  !rooms.includes(to) || rooms.indexOf(to) > rooms.indexOf(room);

/** Files that import each other, directly or around corners, types included: "a.ts > b.ts > a.ts". */
function circles(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) found.push([...trail.slice(at), path].join(" > "));
    if (at >= 0 || done.has(path)) return;
    for (const { fileName } of ts.preProcessFile(files.get(path) ?? "", true, true).importedFiles) {
      if (fileName.startsWith(".")) visit(posix.join(posix.dirname(path), fileName), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of files.keys()) if (path.startsWith("src/")) visit(path, []);
  return found;
}

/** The words of a text. */
function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** The gradient check walks src/ops: an operator elsewhere would escape it. */
function operatorBreaches(path: string, text: string): string[] {
  const found = /^(?:export )?const (\w+): Op</m.exec(text);
  return found === null || roomOf(path) === "ops"
    ? []
    : [`${path}: has the operator ${found[1]}; only src/ops may have any`];
}

/** "@scope/name/part" -> "@scope/name", "name/part" -> "name" */
function packageOf(target: string): string {
  return target
    .split("/")
    .slice(0, target.startsWith("@") ? 2 : 1)
    .join("/");
}

/** "src/nn/vit.ts" is in nn; a file in src itself is its own room; whatever is outside src is "outside src". */
function roomOf(path: string): string {
  const [top, room] = path.split("/");
  return top === "src" && room !== undefined ? room : "outside src";
}

/** Our sources on disk. */
function sources(): Map<string, string> {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const folders = ["src", "test", "bench", "scripts"].flatMap((folder) =>
    readdirSync(root).includes(folder)
      ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map(
          (file) => `${folder}/${file}`,
        )
      : [],
  );
  const paths = folders.map((path) => path.replaceAll("\\", "/")).filter((path) => /\.m?[jt]sx?$/.test(path));
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

test("every file keeps to its room and to its length", () => {
  const files = sources();
  expect([...files.keys()].filter((path) => path.startsWith("src/")).length).toBeGreaterThan(20);
  expect(breaches(files)).toEqual([]);
});

test("no files import each other in a circle", () => {
  expect(circles(sources())).toEqual([]);
  const wrong = new Map([
    ["src/nn/a.ts", `import type { B } from "./b.ts";`],
    ["src/nn/b.ts", `import { c } from "../ops/c.ts";`],
    ["src/ops/c.ts", `export * from "../nn/a.ts";`],
  ]);
  expect(circles(wrong)).toEqual(["src/nn/a.ts > src/nn/b.ts > src/ops/c.ts > src/nn/a.ts"]);
});

test("a file that imports a later room, the other platform, Node or nothing known is caught", () => {
  const wrong = new Map([
    ["src/tensor/up.ts", `import type { VitConfig } from "../nn/vit.ts";`],
    ["src/ops/again.ts", `export * from "../autodiff/backward.ts";`],
    ["src/data/late.ts", `const later = () => import("../train/loop.ts");`],
    ["src/graph/index.ts", `import { backward } from "../index.ts";`],
    ["src/node/web.ts", `import "../web/runtime.ts";`],
    ["src/web/node.ts", `import { nodeRuntime } from "../node/runtime/runtime.ts";`],
    ["src/node/files/late.ts", `import { openModel } from "../runs/model.ts";`],
    ["src/node/extra/one.ts", `import { writeWhole } from "../files/write.ts";`],
    ["src/nn/read.ts", `import { readFileSync } from "node:fs";\nimport { join } from "path";`],
    ["src/web/files.ts", `import "node:fs";`],
    ["src/data/decode.ts", `import sharp from "sharp";`],
    ["src/nn/own.ts", `const cubeOp: Op<"x", object> = { type: "Pow" };`],
    ["src/extra/new.ts", `export const one = 1;`],
    ["src/metrics/test.ts", `import { toy } from "../../test/toy.ts";`],
    ["src/cli/long.ts", `${"\n".repeat(MAX_LINES)}export {};`],
  ]);
  expect(breaches(wrong)).toMatchInlineSnapshot(`
    [
      "src/tensor/up.ts: tensor imports ../nn/vit.ts, which is in nn",
      "src/ops/again.ts: ops imports ../autodiff/backward.ts, which is in autodiff",
      "src/data/late.ts: data imports ../train/loop.ts, which is in train",
      "src/graph/index.ts: graph imports ../index.ts, which is in index.ts",
      "src/node/web.ts: node imports ../web/runtime.ts, which is in web",
      "src/web/node.ts: web imports ../node/runtime/runtime.ts, which is in node",
      "src/node/files/late.ts: node/files imports src/node/runs/model.ts, which is in node/runs",
      "src/node/extra/one.ts: node/extra imports src/node/files/write.ts, which is in node/files",
      "src/nn/read.ts: imports node:fs; only node,cli may",
      "src/nn/read.ts: imports path; only node,cli may",
      "src/web/files.ts: imports node:fs; only node,cli may",
      "src/data/decode.ts: imports sharp; only node,cli may",
      "src/nn/own.ts: has the operator cubeOp; only src/ops may have any",
      "src/extra/new.ts: src/extra is no room; rooms are tensor, graph, ops, autodiff, onnx, runtime, data, nn, optim, metrics, network, heads, methods, train, pretraining, report, export, run, grid, tuning, learner, index.ts, testing, web, node, cli",
      "src/metrics/test.ts: metrics imports ../../test/toy.ts, which is in outside src",
      "src/cli/long.ts: 301 lines, at most 300",
    ]
  `);
});

test("a file that keeps the rules, or only speaks of breaking them, passes", () => {
  const right = new Map([
    [
      "src/nn/vit.ts",
      `import { add } from "../ops/index.ts";\nimport "./linear.ts";\nimport { z } from "zod";`,
    ],
    ["src/tensor/tensor.ts", `// import "../nn/vit.ts"\nexport const text = 'import "node:fs"';`],
    ["src/node/files.ts", `import "node:fs";\nimport "../index.ts";`],
    ["src/cli/main.ts", `import "../node/files.ts";`],
    ["src/web/runtime.ts", `import "onnxruntime-web";`],
    [`${GENERATED}onnx_pb.ts`, `${"\n".repeat(MAX_LINES)}export {};`],
  ]);
  expect(breaches(right)).toEqual([]);
});

test("neither Node's nor a browser's names compile in the core", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const { config } = ts.readConfigFile(join(root, "tsconfig.core.json"), ts.sys.readFile);
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const wrong = join(root, "src/tensor/wrong.ts");
  const text = "export const values = [process.cwd(), Buffer.from([]), document.title];";
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (file) => file === wrong || fileExists(file);
  host.getSourceFile = (file, target, ...more) =>
    file === wrong ? ts.createSourceFile(file, text, target) : getSourceFile(file, target, ...more);
  const program = ts.createProgram([...fileNames, wrong], options, host);
  const found = program.getSemanticDiagnostics(program.getSourceFile(wrong));
  const names = found.map(
    ({ messageText }) => /name '(\w+)'/.exec(ts.flattenDiagnosticMessageText(messageText, "\n"))?.[1],
  );
  expect(names).toEqual(expect.arrayContaining(["process", "Buffer", "document"]));
}, 60_000);
