/** @file Wrong test images for the report, as the network saw them. */
import type { ImageTransform, Preprocessing } from "../../data/dataset.ts";
import type { TaskStream } from "../../data/stream.ts";
import type { PicturedMistake } from "../../report/section.ts";
import { InputError } from "../../tensor/errors.ts";
import { evaluatedSamples, type TrainingOptions } from "../../train/options.ts";
import type { Mistake } from "../../train/record.ts";
import { thumbnail } from "../images/thumbnail.ts";

/** What pictures are made of. */
interface PictureOptions {
  readonly stream: TaskStream;
  readonly evaluateOn: TrainingOptions["evaluateOn"];
  readonly preprocessing: Preprocessing;
  readonly transform: ImageTransform;
  readonly notice: (text: string) => void;
}

/** Reads the images again. One that is no longer there is told and left out: the run itself is done. */
export async function pictured(
  mistakes: readonly Mistake[],
  { stream, preprocessing, transform, notice, ...options }: PictureOptions,
): Promise<PicturedMistake[]> {
  const samples = new Map(
    stream.tasks.flatMap((task) => evaluatedSamples(task, options)).map((sample) => [sample.id, sample]),
  );
  const found: PicturedMistake[] = [];
  for (const { id, label, answer, sureness } of mistakes) {
    try {
      const pixels = await transform(await stream.dataset.read(samples.get(id)!), preprocessing, null);
      const image = await thumbnail(pixels, preprocessing.size);
      found.push({ image, label: stream.classNames[label]!, answer: stream.classNames[answer]!, sureness });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      notice(`not in the report: ${error.message}`);
    }
  }
  return found;
}
