/** @file Element by element: arithmetic of two tensors (broadcasting) and functions of one. */
import { emit, type Op, shapeError, type Vjp } from "../graph/op.ts";
import { scalar, type Value } from "../graph/value.ts";
import { broadcast } from "./broadcast.ts";

type Binary = Op<"a" | "b", object>;
type Unary = Op<"x", object>;

function binaryOp(type: string, vjp: Binary["vjp"]): Binary {
  return {
    type,
    infer(inputs) {
      const dims = broadcast(inputs.a.dims, inputs.b.dims);
      if (dims === null) throw shapeError(type, inputs, "shapes don't broadcast");
      if (inputs.a.dtype !== inputs.b.dtype) throw shapeError(type, inputs, "types differ");
      return [{ dtype: inputs.a.dtype, dims }];
    },
    vjp,
  };
}

function unaryOp(type: string, x: Vjp<"x", object>): Unary {
  return { type, infer: (inputs) => [{ dtype: inputs.x.dtype, dims: inputs.x.dims }], vjp: { x } };
}

/** y = a + b. */
export const add = (a: Value, b: Value): Value => emit(addOp, { a, b }, {});
export const addOp: Binary = binaryOp("Add", { a: (dy) => dy, b: (dy) => dy });

/** y = a - b. */
export const sub = (a: Value, b: Value): Value => emit(subOp, { a, b }, {});
export const subOp: Binary = binaryOp("Sub", { a: (dy) => dy, b: (dy) => neg(dy) });

/** y = a b. */
export const mul = (a: Value, b: Value): Value => emit(mulOp, { a, b }, {});
export const mulOp: Binary = binaryOp("Mul", {
  a: (dy, { inputs }) => mul(dy, inputs.b),
  b: (dy, { inputs }) => mul(dy, inputs.a),
});

/** y = a / b. */
export const div = (a: Value, b: Value): Value => emit(divOp, { a, b }, {});
export const divOp: Binary = binaryOp("Div", {
  a: (dy, { inputs }) => div(dy, inputs.b),
  b: (dy, { inputs, outputs }) => neg(div(mul(dy, outputs[0]!), inputs.b)), // db = -dy y / b
});

/** y = -x. */
export const neg = (x: Value): Value => emit(negOp, { x }, {});
export const negOp: Unary = unaryOp("Neg", (dy) => neg(dy));

/** y = e^x. */
export const exp = (x: Value): Value => emit(expOp, { x }, {});
export const expOp: Unary = unaryOp("Exp", (dy, { outputs }) => mul(dy, outputs[0]!));

/** y = ln x. */
export const log = (x: Value): Value => emit(logOp, { x }, {});
export const logOp: Unary = unaryOp("Log", (dy, { inputs }) => div(dy, inputs.x));

/** y = sqrt x. */
export const sqrt = (x: Value): Value => emit(sqrtOp, { x }, {});
export const sqrtOp: Unary = unaryOp("Sqrt", (dy, { outputs }) => div(scale(dy, 0.5), outputs[0]!));

/** y = -1, 0 or 1. It has no slope: products with it are taken as products with a constant. */
export const sign = (x: Value): Value => emit(signOp, { x }, {});
export const signOp: Unary = {
  type: "Sign",
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  vjp: { x: "constant" },
};

/** y = |x|. */
export const abs = (x: Value): Value => mul(x, sign(x));

/** y = tanh x. */
export const tanh = (x: Value): Value => emit(tanhOp, { x }, {});
export const tanhOp: Unary = unaryOp(
  "Tanh",
  (dy, { outputs }) => sub(dy, mul(dy, mul(outputs[0]!, outputs[0]!))), // dx = dy (1 - y^2)
);

/** y = 1 / (1 + e^-x). */
export const sigmoid = (x: Value): Value => emit(sigmoidOp, { x }, {});
export const sigmoidOp: Unary = unaryOp("Sigmoid", (dy, { outputs }) => {
  const weighted = mul(dy, outputs[0]!);
  return sub(weighted, mul(weighted, outputs[0]!)); // dx = dy y (1 - y)
});

/** Gauss error function. */
export const erf = (x: Value): Value => emit(erfOp, { x }, {});
export const erfOp: Unary = unaryOp("Erf", (dy, { inputs: { x } }) =>
  scale(mul(dy, exp(neg(mul(x, x)))), 2 / Math.sqrt(Math.PI)),
);

/**
 * y = factor x + offset in one pass over memory, only where y stays within [0, 1]: ONNX's HardSigmoid clips
 * there, and nothing else of ONNX does both at once.
 */
export const unitAffine = (x: Value, factor: number, offset: number): Value =>
  emit(unitAffineOp, { x }, { factor, offset });
export const unitAffineOp: Op<"x", { factor: number; offset: number }> = {
  type: "HardSigmoid",
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  onnx: ({ factor, offset }) => ({ attributes: { alpha: { float: factor }, beta: { float: offset } } }),
  vjp: { x: (dy, { attributes }) => scale(dy, attributes.factor) },
};

/** y = factor x, for a number known while building. */
export const scale = (x: Value, factor: number): Value => mul(x, scalar(factor, x.dtype));
