/** @file How far our loss and gradients are from torch's in float64. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Batch } from "../src/data/dataset.ts";
import { gradientNames } from "../src/methods/parts/task-training.ts";
import { TrainedRows } from "../src/methods/parts/trained-rows.ts";
import { localCrossEntropy } from "../src/network/objective.ts";
import type { HeadStart, LoraTraining } from "../src/node/runs/speed.ts";
import { decodeSafetensors } from "../src/tensor/safetensors.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

const TARGET = 1e-4;

/** @returns one line. @throws if they are further apart than 1e-4 of their size */
export async function checkGradients(
  folder: string,
  training: LoraTraining & {
    readonly pairs: Readonly<Record<string, Tensor>>;
    readonly head: HeadStart;
    readonly batch: Batch;
  },
): Promise<string> {
  const { network, pairs, batch } = training;
  const file = join(folder, "expected.safetensors");
  const expected = decodeSafetensors(readFileSync(file), file).tensors;
  const classes = Array.from({ length: training.head.bias.length }, (_, label) => label);
  const rows = new TrainedRows(network.width);
  rows.close(classes, training.head.weight, training.head.bias);
  const { weight, bias, capacity } = rows.open(classes);
  const trained = gradientNames(Object.keys(pairs));
  const parameters = { ...pairs, "head.weight": weight, "head.bias": bias };
  const { loss, gradients } = await network.gradients(
    batch,
    parameters,
    trained,
    localCrossEntropy({ classes, capacity }),
  );
  await network.dispose();
  const lossError = Math.abs(loss / Number(expected.loss!.data[0]) - 1);
  const errors = trained.map((name) => ({
    name,
    error: relativeError(gradients[name]!, expected[`d ${name}`]!),
  }));
  const worst = errors.toSorted((a, b) => b.error - a.error)[0]!;
  const text = `loss apart by ${lossError.toExponential(1)}, gradients by at most ${worst.error.toExponential(1)} (${worst.name}) of torch's in float64`;
  if (!(lossError <= TARGET && worst.error <= TARGET)) throw new Error(`${text}: more than ${TARGET}`);
  return text;
}

/** Largest difference, relative to the largest value; rows that only fill the head up have none expected. */
function relativeError(found: Float32Array, { data }: Tensor): number {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < data.length; i++) {
    difference = Math.max(difference, Math.abs(found[i]! - Number(data[i])));
    size = Math.max(size, Math.abs(Number(data[i])));
  }
  return difference / size;
}
