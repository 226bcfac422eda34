import { describe, expect, test } from "vitest";
import { graph } from "../../src/graph/graph.ts";
import { input, scalar } from "../../src/graph/value.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { mul } from "../../src/ops/index.ts";
import type { Runtime, Tensors } from "../../src/runtime/runtime.ts";
import { serialized } from "../../src/runtime/serialized.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const x = input("x", "float32", [2]);
const doubled = graph({ y: mul(x, scalar(2, "float32")) });
const feed = (value: number): Tensors => ({ x: tensor("float32", [2], Float32Array.of(value, value)) });

/** Takes a while for everything, less the later it comes, and notes what begins and ends; refuses negative numbers. */
class SlowRuntime implements Runtime {
  readonly name = "slow";
  readonly threads = 3;
  readonly log: string[] = [];
  #busy = 0;
  #most = 0;

  /** Things that were done at the same time. */
  get most(): number {
    return this.#most;
  }

  async compile() {
    await this.#while("compile", 3);
    return {
      run: async ({ x }: Tensors) => {
        const value = x!.data[0]!;
        await this.#while(`run ${value}`, Math.max(0, 6 - Math.abs(Number(value))));
        if (value < 0) throw new Error(`refused ${value}`);
        return { y: tensor("float32", [], Float32Array.of(2 * Number(value))) };
      },
      dispose: () => this.#while("dispose", 0),
    };
  }

  async #while(name: string, turns: number): Promise<void> {
    this.log.push(name);
    this.#most = Math.max(this.#most, ++this.#busy);
    for (let turn = 0; turn <= turns; turn++) await new Promise(setImmediate);
    this.#busy--;
    this.log.push(`${name} done`);
  }
}

describe("serialized", () => {
  test("two sessions run one after another in the order asked, and an error keeps nobody from their turn", async () => {
    const slow = new SlowRuntime();
    const runtime = serialized(slow);
    const [a, b] = await Promise.all([runtime.compile(doubled), runtime.compile(doubled)]);
    const outcomes = await Promise.allSettled([
      a.run(feed(1)),
      b.run(feed(-2)),
      a.run(feed(3)),
      a.dispose(),
      runtime.compile(doubled),
      b.run(feed(5)),
    ]);
    expect(slow.most).toBe(1);
    const asked = ["compile", "compile", "run 1", "run -2", "run 3", "dispose", "compile", "run 5"];
    expect(slow.log).toEqual(asked.flatMap((name) => [name, `${name} done`]));
    expect(outcomes.map(({ status }) => status === "fulfilled")).toEqual([
      true,
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(outcomes[1]).toMatchObject({ reason: new Error("refused -2") });
    expect(outcomes[5]).toMatchObject({ value: { y: { data: Float32Array.of(10) } } });
  });

  test("without it the same work overlaps", async () => {
    const slow = new SlowRuntime();
    const session = await slow.compile();
    await Promise.all([session.run(feed(1)), session.run(feed(2))]);
    expect(slow.most).toBe(2);
  });

  test("a runtime that throws at once, too, keeps nobody from their turn", async () => {
    let calls = 0;
    const session = { run: async () => ({}), dispose: async () => {} };
    const runtime = serialized({
      name: "abrupt",
      threads: 1,
      compile: () => {
        if (calls++ === 0) throw new Error("not now");
        return Promise.resolve(session);
      },
    });
    await expect(runtime.compile(doubled)).rejects.toThrow("not now");
    expect(await (await runtime.compile(doubled)).run({})).toEqual({});
  });

  test("has the runtime's name and threads, and its results", async () => {
    const own = nodeRuntime({ threads: 1 });
    const runtime = serialized(own);
    expect([runtime.name, runtime.threads]).toEqual([own.name, 1]);
    const session = await runtime.compile(doubled);
    const results = await Promise.all([1, 2, 3].map((value) => session.run(feed(value))));
    expect(results.map(({ y }) => [...y!.data])).toEqual([
      [2, 2],
      [4, 4],
      [6, 6],
    ]);
    await session.dispose();
  });
});
