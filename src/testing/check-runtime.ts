/** @file What every runtime must do. */
import { backward } from "../autodiff/backward.ts";
import { graph } from "../graph/graph.ts";
import { constant, input } from "../graph/value.ts";
import { add, gelu, layerNorm, matmul, reduceSum, reshape, slice, softmax, transpose } from "../ops/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Rng } from "../tensor/rng.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { type Check, CheckError, require, runChecks, same } from "./checks.ts";

/** Runs all of `runtimeChecks`. @throws CheckError with a line for each that failed */
export const checkRuntime = (runtime: Runtime): Promise<void> =>
  runChecks(`runtime ${runtime.name}`, runtimeChecks(runtime));

/** The checks of a runtime: right numbers, the same again, inputs untouched, wrong feeds refused. */
export function runtimeChecks(runtime: Runtime): Check[] {
  const rng = Rng.at("check runtime");
  const draw = (...dims: number[]): Tensor<"float32"> =>
    tensor(
      "float32",
      dims,
      Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    );
  const [x, w] = [draw(3, 4), draw(5, 4)];
  const product = graph({
    y: matmul(input("x", "float32", [3, 4]), input("w", "float32", [5, 4]), { transposeB: true }),
  });
  return [
    {
      name: "multiplies as arithmetic does",
      async run() {
        const session = await runtime.compile(product);
        const { y } = await session.run({ x, w });
        await session.dispose();
        require(y!.dims.join() === "3,5", `the result is [${y!.dims}]`);
        const expected = Array.from({ length: 15 }, (_, i) => {
          const [row, column] = [Math.floor(i / 5), i % 5];
          return [0, 1, 2, 3].reduce((total, k) => total + x.data[4 * row + k]! * w.data[4 * column + k]!, 0);
        });
        close(float32Data(y!), expected);
      },
    },
    {
      name: "computes a small network and its gradient, the same at every run",
      async run() {
        const feeds = { x: draw(2, 6), gain: draw(6), offset: draw(6) };
        const value = input("x", "float32", [2, 6]);
        const gain = input("gain", "float32", [6]);
        const normed = layerNorm(value, gain, input("offset", "float32", [6]), 1e-6);
        const mixed = softmax(gelu(normed));
        const turned = transpose(reshape(mixed, [2, 2, 3]), [0, 2, 1]);
        const loss = reduceSum(slice(turned, 1, 0, 2));
        const [dx, dGain] = backward(loss, [value, gain]);
        const session = await runtime.compile(graph({ loss, dx: dx!, dGain: dGain! }));
        const first = await session.run(feeds);
        const again = await session.run(feeds);
        for (const name of Object.keys(first)) {
          require(same(
            float32Data(first[name]!),
            float32Data(again[name]!),
          ), `${name} differs at the second run`);
        }
        const epsilon = 1e-2;
        for (const at of [0, 4, 11]) {
          const moved = async (by: number): Promise<number> => {
            const data = feeds.x.data.slice();
            data[at]! += by;
            return Number(
              (await session.run({ ...feeds, x: tensor("float32", [2, 6], data) })).loss!.data[0],
            );
          };
          const numeric = ((await moved(epsilon)) - (await moved(-epsilon))) / (2 * epsilon);
          const found = Number(first.dx!.data[at]);
          require(Math.abs(found - numeric) <
            5e-3, `the gradient at ${at} is ${found}, by differences ${numeric}`);
        }
        await session.dispose();
      },
    },
    {
      name: "reads inputs in place and changes none",
      async run() {
        const own = { x: draw(3, 4), w: draw(5, 4) };
        const kept = own.x.data.slice();
        const session = await runtime.compile(product);
        const before = float32Data((await session.run(own)).y!).slice();
        require(same(own.x.data, kept), "x has changed");
        own.x.data[0]! += 1;
        const after = float32Data((await session.run(own)).y!);
        require(after[0] !== before[0], "a change in place is not seen: the input was kept");
        await session.dispose();
      },
    },
    {
      name: "ignores feeds that no input has, and refuses missing and misshapen ones",
      async run() {
        const session = await runtime.compile(product);
        await session.run({ x, w, other: draw(1) });
        await refused(session.run({ x }), "a missing input");
        await refused(session.run({ x, w: draw(4, 4) }), "an input of another shape");
        await refused(
          session.run({ x, w: { dtype: "int32", dims: [5, 4], data: new Int32Array(20) } }),
          "an input of another type",
        );
        await session.dispose();
      },
    },
    {
      name: "takes constants, bytes and several outputs",
      async run() {
        const bias = constant(tensor("float32", [4], Float32Array.of(1, 2, 3, 4)));
        const value = input("x", "float32", [3, 4]);
        const session = await runtime.compile(graph({ sum: add(value, bias), same: add(value, value) }));
        const results = await session.run({ x });
        await session.dispose();
        close(
          float32Data(results.sum!),
          [...x.data].map((each, i) => each + (i % 4) + 1),
        );
        close(
          float32Data(results.same!),
          [...x.data].map((each) => 2 * each),
        );
      },
    },
    {
      name: "answers calls that overlap, each with its own result",
      async run() {
        const session = await runtime.compile(product);
        const inputs = Array.from({ length: 4 }, () => ({ x: draw(3, 4), w }));
        const apart: Float32Array[] = [];
        for (const feeds of inputs) apart.push(float32Data((await session.run(feeds)).y!).slice());
        const together = await Promise.all(inputs.map((feeds) => session.run(feeds)));
        for (const [i, { y }] of together.entries())
          require(same(float32Data(y!), apart[i]!), `call ${i} differs`);
        await session.dispose();
      },
    },
  ];
}

async function refused(run: Promise<unknown>, what: string): Promise<void> {
  try {
    await run;
  } catch {
    return;
  }
  throw new CheckError(`${what} is taken`);
}

function close(found: ArrayLike<number>, expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) {
    require(Math.abs(found[i]! - value) < 1e-4, `number ${i} is ${found[i]}, not ${value}`);
  }
}
