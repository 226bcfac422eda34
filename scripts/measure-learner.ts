/**
 * @file Whether training pays for a learner: CIFAR-100, two learns of five classes each, by images a class and by what
 * `train` says; accuracy on test images of all ten classes. `npx tsx scripts/measure-learner.ts --data DIR`
 */
import { parseArgs } from "node:util";
import type { LearnerImage } from "../src/learner/index.ts";
import { cifar100 } from "../src/node/benchmarks/cifar100.ts";
import { createLearner } from "../src/node/learner/learner.ts";
import { Rng } from "../src/tensor/rng.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    images: { type: "string", default: "8,16,32" },
    seeds: { type: "string", default: "1,2" },
    test: { type: "string", default: "15" },
    threads: { type: "string", default: "2" },
  },
});
const numbers = (text: string): number[] => text.split(",").map(Number);
const dataset = await cifar100.open({ data: values.data, seed: 0, options: {} });

/** The first images of some classes, from the `start`th on. */
async function some(
  samples: typeof dataset.train,
  labels: readonly number[],
  count: number,
): Promise<Record<string, LearnerImage[]>> {
  const result: Record<string, LearnerImage[]> = {};
  for (const label of labels) {
    const own = samples.filter((sample) => sample.label === label).slice(0, count);
    result[dataset.classNames[label]!] = await Promise.all(
      own.map(async (sample) => {
        const image = await dataset.read(sample);
        return image.kind === "rgb" ? image : image.bytes;
      }),
    );
  }
  return result;
}

for (const seed of numbers(values.seeds)) {
  const order = Rng.at("learner", seed).shuffled(dataset.classNames.map((_, label) => label));
  const tasks = [order.slice(0, 5), order.slice(5, 10)];
  const test = await some(dataset.test, order.slice(0, 10), Number(values.test));
  for (const images of numbers(values.images)) {
    for (const train of ["never", "auto", "always"] as const) {
      const learner = await createLearner({ seed, threads: Number(values.threads) });
      const before = process.cpuUsage();
      const trained: string[] = [];
      for (const labels of tasks) {
        const result = await learner.learn({ classes: await some(dataset.train, labels, images) }, { train });
        trained.push(result.reason);
      }
      const { user, system } = process.cpuUsage(before);
      const { accuracy } = await learner.evaluate(test);
      const seconds = ((user + system) / 1e6).toFixed(0);
      console.log(
        `seed ${seed}, ${images} images a class, ${train}: ${(100 * accuracy).toFixed(1)} %, ${seconds} s of processor time; ${trained.join("; ")}`,
      );
      await learner.dispose();
    }
  }
}
