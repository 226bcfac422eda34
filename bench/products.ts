/**
 * @file GFLOP/s of the products that most of a training step consists of: ours against PyTorch's, no layers around them.
 *
 *     npm run bench -- products [--python PYTHON] [--quick] [--rounds N] [--threads N] [--out FILE]
 *
 * What a step could gain if everything else cost nothing. Sides run in processes of their own and take turns; PYTHON
 * has torch.
 */
import { graph } from "../src/graph/graph.ts";
import { constant, input } from "../src/graph/value.ts";
import { quantizeTransposed } from "../src/nn/quantize.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { nodeRuntime } from "../src/node/runtime/runtime.ts";
import { dynamicQuantize, matmul, quantizedMatmul, slice } from "../src/ops/index.ts";
import { Rng } from "../src/tensor/rng.ts";
import { type Tensor, tensor } from "../src/tensor/tensor.ts";
import { ownWorker, pythonWorker, type Side, serve, takeTurns } from "./measure.ts";
import { NETWORKS, type Network, tokensOf } from "./networks.ts";
import { benchOptions, pythonWith } from "./options.ts";
import { besidePyTorch, type CaseResult, conclude, ratio, rounded } from "./result.ts";

/** x Wᵀ with x [rows, inner] and W [columns, inner]: fc1 of a block. */
interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly threads: number;
  readonly precision: string;
}

interface Kind {
  readonly name: string;
  readonly precision: string;
}

const OURS: readonly Kind[] = [
  { name: "fm-lora, fp32", precision: "float32" },
  { name: "fm-lora, int8, rounding of x included", precision: "int8" },
];
const THEIRS: readonly Kind[] = [
  { name: "PyTorch, fp32", precision: "fp32" },
  { name: "PyTorch, bf16", precision: "bf16" },
];

interface Answer {
  readonly milliseconds: readonly number[];
}

function random(rng: Rng, rows: number, columns: number): Tensor<"float32"> {
  const values = Float32Array.from({ length: rows * columns }, () => rng.normal());
  return tensor("float32", [rows, columns], values);
}

async function serveOurs({ rows, inner, columns, threads, precision }: Product): Promise<void> {
  const rng = Rng.at("products");
  const [left, right] = [random(rng, rows, inner), random(rng, columns, inner)];
  const x = input("x", "float32", [rows, inner]);
  const product = () => {
    if (precision === "float32")
      return matmul(x, input("w", "float32", [columns, inner]), { transposeB: true });
    const { values, scale } = quantizeTransposed(right, 127);
    return quantizedMatmul(dynamicQuantize(x), { values: constant(values), scale: constant(scale) });
  };
  const session = await nodeRuntime({ threads }).compile(graph({ first: slice(product(), 0, 0, 1) })); // one row: handing over all of y is another matter
  const feeds = precision === "float32" ? { x: left, w: right } : { x: left };
  await serve(async ({ repetitions }: { readonly repetitions: number }): Promise<Answer> => {
    const milliseconds: number[] = [];
    for (let i = 0; i < repetitions; i++) {
      const began = performance.now();
      await session.run(feeds);
      milliseconds.push(performance.now() - began);
    }
    return { milliseconds };
  });
}

async function compare(network: Network, python: string | undefined): Promise<CaseResult> {
  const { width, microBatch } = network;
  const product = { rows: microBatch * tokensOf(network), inner: width, columns: 4 * width };
  const side = (kind: Kind, ours: boolean): Side & Kind => {
    const json = JSON.stringify({ ...product, threads: options.threads, precision: kind.precision });
    const worker = ours
      ? ownWorker(import.meta.url, ["serve", json])
      : pythonWorker(python!, "peers/products.py", [json]);
    return { ...kind, worker };
  };
  const sides = [
    ...OURS.map((kind) => side(kind, true)),
    ...(python === undefined ? [] : THEIRS.map((kind) => side(kind, false))),
  ];
  const repetitions = options.quick ? 10 : 50;
  const finished = await takeTurns(sides, options.rounds ?? (options.quick ? 1 : 5), ({ worker }) =>
    worker.ask<Answer>({ repetitions }),
  );
  const operations = 2 * product.rows * product.inner * product.columns;
  const speeds = finished.map(({ side: { name }, answers }) => {
    const { best, median } = bestAndMedian(answers.slice(1).flatMap(({ milliseconds }) => milliseconds));
    return { name, best: operations / best / 1e6, median: operations / median / 1e6 };
  });
  const against = (ours: Kind, theirs: Kind) => {
    const [a, b] = [ours, theirs].map((kind) => speeds.find(({ name }) => name === kind.name));
    if (a === undefined || b === undefined) return [];
    return [ratio(`products, ${a.name} / ${b.name}`, [a.best / b.best, a.median / b.median])];
  };
  return {
    name: network.label,
    settings: { ...product, threads: options.threads },
    sides: speeds.map(({ name, best, median }) => ({
      name,
      values: { "GFLOP/s, best": rounded(best, 3), "GFLOP/s, median": rounded(median, 3) },
    })),
    ratios: [...against(OURS[0]!, THEIRS[0]!), ...against(OURS[1]!, THEIRS[1]!)],
  };
}

const options = benchOptions();
const [mode, json] = options.positionals;
if (mode === "serve") await serveOurs(JSON.parse(json!) as Product);
else {
  const python = pythonWith(options, ["torch"]);
  const cases: CaseResult[] = [];
  for (const network of NETWORKS) cases.push(await compare(network, python?.command));
  const found = {
    title: "Products alone",
    what: "x Wᵀ of a block's first MLP layer, of one micro-batch: how much of the processor each library reaches where nothing else is to be done.",
    cases,
    ...besidePyTorch(python, options),
  };
  conclude("products", found, options);
}
