/** @file A lowered graph computes the same, by operators that every device has. */
import { expect, test } from "vitest";
import { weightFeeds } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { lowered } from "../../src/runtime/lowered.ts";
import { float32Data, zeroTensor } from "../../src/tensor/tensor.ts";
import { formulaImages, formulaWeight } from "../parity/formula.ts";
import { backboneOf, GOLDENS, largestDifference } from "../parity/networks.ts";
import { loraStep, trainedShapes } from "../support/lora-step.ts";

const [BATCH, CLASSES] = [2, 3];

test.each(["vit", "dinov2"])("the gradients of a %s", async (name) => {
  const { config, weights } = backboneOf(GOLDENS.find((golden) => golden.name === name)!);
  const options = { config, batch: BATCH, rank: 2, classes: CLASSES };
  const targets = zeroTensor([BATCH, CLASSES]);
  targets.data.set([0.5, 0, 0, 0, 0, 0.5]);
  const feeds = {
    ...weightFeeds(weights),
    ...Object.fromEntries(
      Object.entries(trainedShapes(options)).map(([own, dims]) => [own, formulaWeight(own, dims)]),
    ),
    images: formulaImages(BATCH, config.imageSize),
    targets,
  };
  const step = loraStep(options);
  const plain = lowered(step);
  const used = new Set(plain.nodes.map(({ op }) => `${op.domain ?? ""}${op.type}`));
  expect([...used].filter((type) => /microsoft|LogSoftmax/.test(type))).toEqual([]);
  const turnsBytes = plain.nodes.some(
    ({ op, call }) => op.type === "Transpose" && call.outputs[0]!.dtype === "uint8",
  );
  expect(turnsBytes).toBe(false);
  const results = [];
  for (const graph of [step, plain]) {
    const session = await nodeRuntime({ threads: 1 }).compile(graph);
    results.push(await session.run(feeds));
    await session.dispose();
  }
  const [expected, found] = results as [(typeof results)[0], (typeof results)[0]];
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [output, value] of Object.entries(expected)) {
    const own = float32Data(value);
    const size = largestDifference(own, new Float32Array(own.length));
    expect(largestDifference(float32Data(found[output]!), own) / size, output).toBeLessThan(2e-5);
  }
});
