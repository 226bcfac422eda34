/** @file Every field of a preprocessor_config.json is followed, or refused by its name. */
import { expect, test } from "vitest";
import { check } from "../../src/nn/checkpoint.ts";
import { preprocessingOf, preprocessorSchema } from "../../src/nn/preprocessor.ts";
import type { InputError } from "../../src/tensor/errors.ts";

const plain = { size: 224, image_mean: [0.5, 0.4, 0.3], image_std: [0.25, 0.5, 1] };
const read = (fields: object) =>
  preprocessingOf(check(preprocessorSchema, { ...plain, ...fields }, "preprocessor_config.json"), 32);

/** What a channel's byte becomes with ours. */
const ours = ({ mean, std }: ReturnType<typeof read>, byte: number): number[] =>
  mean.map((value, channel) => (byte / 255 - value) / std[channel]!);

test.each([
  ["as usual", {}, 1 / 255, true],
  ["1/255 as files have it", { rescale_factor: 0.00392156862745098 }, 1 / 255, true],
  ["another scale", { rescale_factor: 1 / 127.5 }, 1 / 127.5, true],
  ["no scale", { do_rescale: false }, 1, true],
  ["no mean and deviation", { do_normalize: false }, 1 / 255, false],
  ["neither", { do_rescale: false, do_normalize: false, image_mean: undefined }, 1, false],
])("%s: bytes become what transformers makes of them", (_, fields, factor, normalize) => {
  for (const byte of [0, 100, 255]) {
    const theirs = [0, 1, 2].map((channel) =>
      normalize ? (byte * factor - plain.image_mean[channel]!) / plain.image_std[channel]! : byte * factor,
    );
    for (const [channel, value] of ours(read(fields), byte).entries()) {
      expect(value).toBeCloseTo(theirs[channel]!, 9);
    }
  }
});

test("the usual mean and deviation stay as they are written, to the last bit", () => {
  const { mean, std } = read({ rescale_factor: 0.00392156862745098 });
  expect([mean, std]).toEqual([plain.image_mean, plain.image_std]);
});

test("sizes as transformers 4 and 5 write them", () => {
  expect(read({})).toMatchObject({ size: 224, cropFraction: null });
  expect(read({ size: { height: 224, width: 224 } })).toMatchObject({ size: 224, cropFraction: null });
  const cropped = { do_center_crop: true, crop_size: { height: 224, width: 224 } };
  expect(read({ size: { shortest_edge: 256 }, ...cropped })).toMatchObject({
    size: 224,
    cropFraction: 0.875,
  });
});

test.each([
  [
    { size: { height: 224, width: 256 } },
    "size: 224 x 256 is not supported: expected the same height and width",
  ],
  [
    { crop_size: { height: 224, width: 256 } },
    "crop_size: 224 x 256 is not supported: expected the same height and width",
  ],
  [
    { size: { shortest_edge: 256 } },
    "size: shortest_edge is supported with do_center_crop only: images that are no squares are not",
  ],
  [{ do_resize: false }, "do_resize: false is not supported: images are always resized"],
  [{ rescale_factor: 0 }, "rescale_factor: "],
  [{ image_std: undefined }, "image_std: expected three numbers, or do_normalize false"],
])("%j is refused by name", (fields, expected) => {
  let message = "";
  try {
    read(fields);
  } catch (error) {
    message = (error as InputError).message;
  }
  expect(message).toContain(`preprocessor_config.json: ${expected}`);
  expect(message).not.toContain("\n");
});
