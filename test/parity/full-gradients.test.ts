import { expect, test } from "vitest";
import { weightFeeds } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { gradientOf, parameterShapes, pretrainingGraph } from "../../src/pretraining/graph.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { float32Data, zeroTensor } from "../../src/tensor/tensor.ts";
import { formulaImages, formulaWeight } from "./formula.ts";
import { backboneOf, GOLDENS, storedName, weightsOf } from "./networks.ts";

const CLASSES = 5;

test.each(GOLDENS.filter(({ fullTraining }) => fullTraining !== undefined))(
  "the gradient of every weight of $name equals torch's",
  async (golden) => {
    const { loss, gradients: expected } = golden.fullTraining!;
    const { config, weights } = backboneOf(golden);
    // The same directions as goldens.py's, read as weights are, so that they have our names and layouts.
    const directions = backboneOf(golden, encodeSafetensors(weightsOf(golden, "direction "))).weights;
    const network = { config, classes: CLASSES, teacherWidth: null, microBatch: golden.images };
    const targets = zeroTensor([golden.images, CLASSES]);
    for (let row = 0; row < golden.images; row++) targets.data[row * CLASSES + row] = 1 / golden.images;
    const session = await nodeRuntime({ threads: 1 }).compile(
      pretrainingGraph(network, { kept: null, featureWeight: 0 }),
    );
    const results = await session.run({
      images: formulaImages(golden.images, config.imageSize),
      targets,
      ...weightFeeds({
        ...weights,
        "head.weight": formulaWeight("head", [CLASSES, config.hiddenSize]),
        "head.bias": zeroTensor([CLASSES]),
      }),
    });
    await session.dispose();

    expect(Math.abs(float32Data(results.crossEntropy!)[0]! / loss - 1)).toBeLessThan(1e-5);
    const largest = Math.max(...Object.values(expected).map(([, norm]) => norm));
    const names = Object.keys(parameterShapes(network)).filter((name) => !name.startsWith("head."));
    expect(names.sort()).toEqual(Object.keys(weights).sort());
    for (const name of names) {
      const [dot, norm] = expected[storedName(golden, name)]!;
      const gradient = float32Data(results[gradientOf(name)]!);
      const direction = directions[name]!.data;
      const along = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      // Keys' biases have no gradient but for rounding, so the scale is not the norm alone.
      const scale = norm + 1e-3 * largest;
      expect(Math.abs(along - dot) / scale, `${name}, along a direction`).toBeLessThan(2e-4);
      // Registers have no position in the file: there the direction has zeros.
      const stored = gradient.filter((_, i) => direction[i] !== 0);
      expect(Math.abs(Math.hypot(...stored) - norm) / scale, `${name}, norm`).toBeLessThan(2e-4);
    }
  },
);
