/** @file What goes along with an exported model: names of classes, and how images are prepared. */
import type { Preprocessing } from "../data/dataset.ts";
import type { HeadClassifier } from "../heads/head.ts";

/** Classes of a head by its rows, as transformers' config.json has them. */
export interface Labels {
  readonly id2label: Readonly<Record<string, string>>;
  readonly label2id: Readonly<Record<string, number>>;
}

/** The names of a head's rows: the classes that it has seen. */
export const labelsOf = ({ classes }: Pick<HeadClassifier, "classes">, classNames: readonly string[]) =>
  classes.map((position) => classNames[position]!);

/** Labels of rows 0, 1, ... */
export const labelMaps = (names: readonly string[]): Labels => ({
  id2label: Object.fromEntries(names.map((name, row) => [row, name])),
  label2id: Object.fromEntries(names.map((name, row) => [name, row])),
});

/** preprocessor_config.json of a model that takes images resized and normalized. */
export function preprocessorJson({ size, mean, std, interpolation, cropFraction }: Preprocessing): object {
  const square = { height: size, width: size };
  const shorter = cropFraction === null ? size : Math.floor(size / cropFraction + 1e-6);
  return {
    ...(cropFraction === null
      ? { image_processor_type: "ViTImageProcessor", do_resize: true, size: square }
      : {
          image_processor_type: "BitImageProcessor", // ViT's crops nothing
          do_resize: true,
          size: { shortest_edge: shorter },
          do_center_crop: true,
          crop_size: square,
        }),
    resample: interpolation === "bicubic" ? 3 : 2, // PIL's numbers
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
    do_convert_rgb: true,
  };
}

/** The same of a model that does all that itself: pixels go in as they are. */
export const rawPreprocessorJson = (): object => ({
  image_processor_type: "ViTImageProcessor",
  do_resize: false,
  do_rescale: false,
  do_normalize: false,
  do_convert_rgb: true,
});
