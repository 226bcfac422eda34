/**
 * @file Our graph as plain ONNX of operator set 18: no operator of one runtime alone, and a batch of any size where the
 * graph was built for one image.
 */
import type { Graph } from "../graph/graph.ts";
import { type Node, type OnnxAttribute, operands } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { type QuantizedColumns, quantizeTransposed } from "../nn/quantize.ts";
import { nameValues } from "../onnx/names.ts";
import { ONNX_TYPE } from "../ops/index.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { FLOAT16, type OnnxBuilder } from "./onnx-builder.ts";

/** How numbers of the network are stored and computed. */
export interface Lowering {
  /** All of it in half precision. */
  readonly half: boolean;
  /** Whether products with this matrix are computed in 8 bits. */
  quantizes(matrix: Tensor): boolean;
  /** What the graph's one input is called where the nodes go. */
  readonly input: string;
  /** Any value whose first axis is the batch. */
  readonly batched: string;
}

/**
 * Appends a graph's nodes.
 * @param graph built for a single image; its first axis is always the batch, or one that batches don't have
 * @returns name of the value of its one output
 * @throws for an operator that has no plain form
 */
export function lower(builder: OnnxBuilder, graph: Graph, how: Lowering): string {
  const context = new Context(builder, graph, how);
  for (const node of graph.nodes) (FORMS[node.op.type] ?? asItIs)(context, node);
  return context.nameOf(Object.values(graph.outputs)[0]!);
}

class Context {
  readonly builder: OnnxBuilder;
  readonly how: Lowering;
  readonly #names: ReadonlyMap<Value, string>;
  readonly #results = new Map<Value, string>();
  readonly #rounded = new Map<string, readonly [values: string, scale: string, zero: string]>();
  #batch: string | undefined;

  constructor(builder: OnnxBuilder, graph: Graph, how: Lowering) {
    this.builder = builder;
    this.how = how;
    this.#names = nameValues(graph);
  }

  /** Where a value is. */
  nameOf(value: Value): string {
    const { source } = value;
    if (source.kind === "input") return this.how.input;
    if (source.kind === "node") return this.#results.get(value)!;
    return this.builder.constant(this.#constantName(value), () => source.tensor, this.how);
  }

  inputsOf(node: Node): string[] {
    return operands(node).map(([, value]) => this.nameOf(value));
  }

  /** The node's first output, the only one that a forward pass reads. */
  done(node: Node, name: string): void {
    this.#results.set(node.call.outputs[0]!, name);
  }

  float(value: number): string {
    return this.builder.float(value, this.how.half);
  }

  /** Number of images, [1]. */
  get batch(): string {
    this.#batch ??= this.builder.node("Shape", [this.how.batched], { start: 0, end: 1 });
    return this.#batch;
  }

  /** x in 8 bits: several products of one layer norm share it. */
  rounded(x: string): readonly [values: string, scale: string, zero: string] {
    const known = this.#rounded.get(x);
    if (known !== undefined) return known;
    const { builder } = this;
    const names = [builder.fresh(), builder.fresh(), builder.fresh()] as const;
    builder.node("DynamicQuantizeLinear", [x], {}, names);
    this.#rounded.set(x, names);
    return names;
  }

  /** A constant made from another one. */
  derived(value: Value, suffix: string, make: () => Tensor): string {
    return this.builder.constant(`${this.#constantName(value)}${suffix}`, make, this.how);
  }

  #constantName(value: Value): string {
    return `weight ${this.#names.get(value)!}`;
  }
}

type Form = (context: Context, node: Node) => void;

/** Operators that are written otherwise than in our own runs. */
const FORMS: Readonly<Record<string, Form>> = {
  Reshape(context, node) {
    const { dims } = node.call.outputs[0]!;
    const shape = context.builder.int64([-1, ...dims.slice(1)]);
    context.done(node, context.builder.node("Reshape", [...context.inputsOf(node), shape]));
  },
  Expand(context, node) {
    const { dims } = node.call.outputs[0]!;
    const { builder } = context;
    const shape = builder.node("Concat", [context.batch, builder.int64(dims.slice(1))], { axis: 0 });
    context.done(node, builder.node("Expand", [...context.inputsOf(node), shape]));
  },
  FusedMatMul: product,
  Gelu(context, node) {
    const { builder } = context;
    const [x] = context.inputsOf(node) as [string];
    const erf = builder.node("Erf", [builder.node("Mul", [x, context.float(Math.SQRT1_2)])]);
    const twice = builder.node("Mul", [x, builder.node("Add", [erf, context.float(1)])]);
    context.done(node, builder.node("Mul", [twice, context.float(0.5)])); // x (1 + erf(x / √2)) / 2
  },
  Cast(context, node) {
    const { dtype } = node.call.outputs[0]!;
    const to = dtype === "float32" && context.how.half ? FLOAT16 : ONNX_TYPE[dtype];
    context.done(node, context.builder.node("Cast", context.inputsOf(node), { to }));
  },
};

/** a b with transposes and a factor; a matrix of weights is stored as the product wants it. */
function product(context: Context, node: Node): void {
  const { builder } = context;
  const { a, b } = node.call.inputs as { readonly a: Value; readonly b: Value };
  const { transposeA, transposeB, alpha } = node.call.attributes as {
    readonly transposeA: boolean;
    readonly transposeB: boolean;
    readonly alpha: number;
  };
  const left = transposeA ? turnedValue(context, a) : context.nameOf(a);
  const { source } = b;
  if (
    source.kind === "constant" &&
    b.dims.length === 2 &&
    transposeB &&
    context.how.quantizes(source.tensor)
  ) {
    context.done(node, quantizedProduct(context, left, b, source.tensor as Tensor<"float32">));
    return;
  }
  const turnable = source.kind === "constant" && b.dims.length === 2 && transposeB;
  const right = turnable
    ? context.derived(b, " turned", () => turned(source.tensor as Tensor<"float32">))
    : transposeB
      ? turnedValue(context, b)
      : context.nameOf(b);
  const result = builder.node("MatMul", [left, right]);
  context.done(node, alpha === 1 ? result : builder.node("Mul", [result, context.float(alpha)]));
}

/**
 * x Wᵀ in 8 bits. Weights are unsigned around 128: signed ones overflow in the 16-bit sums of x86 processors without
 * VNNI.
 */
function quantizedProduct(context: Context, x: string, weight: Value, matrix: Tensor<"float32">): string {
  const { builder } = context;
  let columns: QuantizedColumns | undefined;
  const rounded = (): QuantizedColumns => {
    columns ??= quantizeTransposed(matrix, 127);
    return columns;
  };
  const values = context.derived(weight, " rounded", () => {
    const { dims, data } = rounded().values;
    return tensor(
      "uint8",
      dims,
      Uint8Array.from(data, (value) => value + 128),
    );
  });
  const scales = context.derived(weight, " scale", () => rounded().scale);
  const middle = builder.constant("uint8 128", () => tensor("uint8", [], Uint8Array.of(128)));
  const [whole, scale, zero] = context.rounded(x);
  const sums = builder.node("MatMulInteger", [whole, values, zero, middle]);
  const exact = builder.node("Cast", [sums], { to: ONNX_TYPE.float32 });
  return builder.node("Mul", [exact, builder.node("Mul", [scale, scales])]);
}

/** The last two axes exchanged. */
function turnedValue(context: Context, value: Value): string {
  const axes = [...value.dims.keys()];
  const perm = [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!];
  return context.builder.node("Transpose", [context.nameOf(value)], { perm });
}

/** [n, k] -> [k, n] */
function turned({ dims, data }: Tensor<"float32">): Tensor<"float32"> {
  const [rows, columns] = dims as [number, number];
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = data[row * columns + column]!;
  }
  return tensor("float32", [columns, rows], result);
}

/** Operators of any runtime. @throws for others, and for constants other than whole numbers */
function asItIs(context: Context, node: Node): void {
  const { op, call } = node;
  if (op.domain !== undefined) throw new Error(`export: ${op.domain}.${op.type} has no plain form`);
  const { attributes = {}, constants = [] } = op.onnx?.(call.attributes) ?? {};
  const extra = constants.map((constant) => {
    if (constant.dtype !== "int64") throw new Error(`export: ${op.type} has a constant of ${constant.dtype}`);
    return context.builder.int64([...(constant.data as BigInt64Array)].map(Number));
  });
  const inputs = [...context.inputsOf(node), ...extra];
  context.done(node, context.builder.node(op.type, inputs, attributes as Record<string, OnnxAttribute>));
}
