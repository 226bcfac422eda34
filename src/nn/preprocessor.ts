/** @file preprocessor_config.json as transformers' image processors write it; what isn't done here is refused. */
import * as z from "zod";
import type { Preprocessing } from "../data/dataset.ts";

const positive = z.number().int().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);
const sides = z.object({ height: positive, width: positive });
const resizing = z.literal(true, "false is not supported: images are always resized").default(true);

/** The fields that say how an image becomes numbers. */
export const preprocessorSchema = z
  .object({
    size: z.union([positive, sides, z.object({ shortest_edge: positive })]).optional(),
    crop_size: z.union([positive, sides]).optional(),
    do_center_crop: z.boolean().default(false),
    do_resize: resizing,
    do_rescale: z.boolean().default(true),
    rescale_factor: z
      .number()
      .positive()
      .default(1 / 255),
    do_normalize: z.boolean().default(true),
    image_mean: triple.optional(),
    image_std: triple.optional(),
    resample: z.union([z.literal(2), z.literal(3)]).default(3), // PIL: 2 bilinear, 3 bicubic
  })
  .superRefine((file, { addIssue }) => {
    const complain = (name: string, message: string): void =>
      addIssue({ code: "custom", path: [name], message });
    for (const name of ["size", "crop_size"] as const) {
      const value = file[name];
      if (typeof value === "object" && "height" in value && value.height !== value.width) {
        const found = `${value.height} x ${value.width}`;
        complain(name, `${found} is not supported: expected the same height and width`);
      }
    }
    if (typeof file.size === "object" && "shortest_edge" in file.size && !file.do_center_crop) {
      complain(
        "size",
        "shortest_edge is supported with do_center_crop only: images that are no squares are not",
      );
    }
    if (!file.do_normalize) return;
    for (const name of ["image_mean", "image_std"] as const) {
      if (file[name] === undefined) complain(name, "expected three numbers, or do_normalize false");
    }
  });

/** What the fields say, for images of `imageSize` pixels where they don't say a size. @param override goes before both */
export function preprocessingOf(
  file: z.infer<typeof preprocessorSchema>,
  imageSize: number,
  override?: number,
): Preprocessing {
  const shortest = pixels(file.size);
  const size = (file.do_center_crop ? pixels(file.crop_size) : undefined) ?? shortest ?? imageSize;
  const { image_mean: mean, image_std: std } = file.do_normalize ? file : {};
  // Our pixels are in 0..1: another scale of theirs moves into mean and deviation.
  const factor = 255 * (file.do_rescale ? file.rescale_factor : 1);
  const scale = Math.abs(factor - 1) < 1e-6 ? 1 : factor; // 1/255 as a decimal
  const scaled = ([red, green, blue]: Triple): Triple => [red / scale, green / scale, blue / scale];
  return {
    size: override ?? size,
    mean: scaled(mean ?? [0, 0, 0]),
    std: scaled(std ?? [1, 1, 1]),
    interpolation: file.resample === 2 ? "bilinear" : "bicubic",
    cropFraction: file.do_center_crop && shortest !== undefined ? size / shortest : null,
  };
}

/** Of a square or of the shorter side. */
function pixels(size: z.infer<typeof preprocessorSchema>["size"]): number | undefined {
  if (typeof size !== "object") return size;
  return "height" in size ? size.height : size.shortest_edge;
}

type Triple = readonly [number, number, number];
