/** @file The drawings of the emoji benchmark as records that bench/pytorch/images.py reads. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import type { Dataset, Sample } from "../src/data/dataset.ts";
import { emoji } from "../src/node/benchmarks/emoji.ts";

/** Writes train.bin and test.bin: of every image its class, in 16 bits, and its pixels, [3, side, side]. */
export async function writeEmojiRecords(folder: string): Promise<void> {
  const dataset = await emoji.open();
  for (const name of ["train", "test"] as const) {
    const records: Buffer[] = [];
    for (const sample of dataset[name]) records.push(await recordOf(dataset, sample));
    writeFileSync(join(folder, `${name}.bin`), Buffer.concat(records));
  }
}

async function recordOf(dataset: Dataset, sample: Sample): Promise<Buffer> {
  const image = await dataset.read(sample);
  if (image.kind !== "encoded") throw new Error(`${sample.id}: expected a PNG`);
  const { data, info } = await sharp(image.bytes).raw().toBuffer({ resolveWithObject: true });
  const pixels = info.width * info.height;
  const record = Buffer.alloc(2 + 3 * pixels);
  record.writeUInt16LE(sample.label);
  for (let i = 0; i < pixels; i++)
    for (let channel = 0; channel < 3; channel++)
      record[2 + channel * pixels + i] = data[i * info.channels + channel]!;
  return record;
}
