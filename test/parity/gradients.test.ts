import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import { crossEntropy } from "../../src/nn/loss.ts";
import { addLowRank, project } from "../../src/nn/low-rank.ts";
import { vitFeatures } from "../../src/nn/vit.ts";
import { weightFeeds, weightInputs } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { matmul } from "../../src/ops/index.ts";
import { float32Data, tensor, zeroTensor } from "../../src/tensor/tensor.ts";
import { formulaImages, formulaWeight } from "./formula.ts";
import { backboneOf, GOLDENS, largestDifference } from "./networks.ts";

test.each(GOLDENS.filter(({ training }) => training !== undefined))(
  "loss and gradients of low-rank factors, core, prompts and head on $name equal torch's",
  async (golden) => {
    const { loss: expectedLoss, gradients: expected } = golden.training!;
    const { config, weights } = backboneOf(golden);
    const parameters = Object.fromEntries(
      Object.entries(expected).map(([name, { dims }]) => [name, input(name, "float32", dims)]),
    );
    const classes = parameters.head!.dims[0]!;
    const images = formulaImages(golden.images, config.imageSize);
    const features = vitFeatures(config, weightInputs(), input("images", "uint8", images.dims), {
      linear(site, x, y) {
        const a = parameters[`${site}.a`];
        if (a === undefined) return y;
        const factors = { a, b: parameters[`${site}.b`]!, core: parameters[`${site}.core`]! };
        return addLowRank(y, project(x, factors), factors);
      },
      prompts: (block) => (block === 0 ? parameters.prompts : undefined),
    });
    const logits = matmul(features, parameters.head!, { transposeB: true });
    const loss = crossEntropy(logits, input("targets", "float32", logits.dims));
    const names = Object.keys(parameters);
    const gradients = backward(loss, Object.values(parameters));
    const outputs = Object.fromEntries(names.map((name, i) => [`d ${name}`, gradients[i]!]));
    const session = await nodeRuntime({ threads: 1 }).compile(graph({ loss, ...outputs }));

    const targets = zeroTensor([golden.images, classes]);
    for (let row = 0; row < golden.images; row++)
      targets.data[row * classes + (row % classes)] = 1 / golden.images;
    const results = await session.run({
      images,
      targets,
      ...weightFeeds(weights),
      ...Object.fromEntries(names.map((name) => [name, formulaWeight(name, expected[name]!.dims)])),
    });
    await session.dispose();

    expect(Math.abs(float32Data(results.loss!)[0]! / expectedLoss - 1)).toBeLessThan(1e-4);
    for (const name of names) {
      const want = tensor("float64", expected[name]!.dims, Float64Array.from(expected[name]!.data));
      const got = results[`d ${name}`]!;
      expect(got.dims).toEqual(want.dims);
      const size = largestDifference(want.data, new Float64Array(want.data.length));
      expect(size, `torch's gradient of ${name}`).toBeGreaterThan(0);
      expect(largestDifference(float32Data(got), want.data) / size, `gradient of ${name}`).toBeLessThan(1e-4);
    }
  },
);
