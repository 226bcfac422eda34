/** @file What a data set is to the rest: samples with labels, and a way to read one image. */

/** One image of a data set, not yet read. */
export interface Sample {
  /** Where it comes from, for messages: "train.bin#17", "photo/dog/3.jpg". */
  readonly id: string;
  /** Index into `Dataset.classNames`. */
  readonly label: number;
  /** Index into `Dataset.domainNames`. */
  readonly domain: number;
}

/** An image as it is stored: an encoded file (JPEG, PNG, WebP, SVG) or raw RGB rows. */
export type StoredImage =
  | { readonly kind: "encoded"; readonly bytes: Uint8Array }
  | { readonly kind: "rgb"; readonly width: number; readonly height: number; readonly data: Uint8Array }; // [height, width, 3]

/** A labeled set of images, split into train and test by its owner's rule. */
export interface Dataset {
  readonly name: string;
  readonly classNames: readonly string[];
  /** One name where there is only one domain. */
  readonly domainNames: readonly string[];
  readonly train: readonly Sample[];
  readonly test: readonly Sample[];
  /** What a user should know of the place it was read from, a line each: images that were left out, say. */
  readonly notices?: readonly string[];
  /** What suits its images, where that isn't the usual choice (mirrored arrows are other classes, say). */
  readonly augmentation?: Augmentation;
  /**
   * Tells the file that an image comes from, and whether it has changed since: path, size and time. Left out where
   * images are in memory, and keeping them decoded would gain nothing.
   */
  source?(sample: Sample): Promise<string>;
  /** Bytes of an image as it is stored: tells whether it was replaced. Left out where images are no files. */
  size?(sample: Sample): Promise<number>;
  /** Reads one image. @throws InputError that names the sample if it cannot be read. */
  read(sample: Sample): Promise<StoredImage>;
}

/** How a backbone wants its pixels. */
export interface Preprocessing {
  /** Side of the square input, in pixels. */
  readonly size: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly interpolation: "bicubic" | "bilinear";
  /** Test images: the shorter side is resized to `size / cropFraction` (rounded down, as timm does), then the center is cropped; null: both sides are resized to `size`. */
  readonly cropFraction: number | null;
}

/** How random crops are drawn: torchvision's RandomResizedCrop. */
export interface CropRange {
  /** Share of the image's area. */
  readonly scale: readonly [number, number];
  /** Width / height. */
  readonly ratio: readonly [number, number];
}

/** One random crop. Its rectangle is drawn where the image's size is known: after reading, by `seed` alone. */
export interface RandomCrop extends CropRange {
  readonly seed: number;
}

/** One random view of a training image, fixed before decoding so that it doesn't depend on timing. */
export interface View {
  /** null: the geometry of a test image. */
  readonly crop: RandomCrop | null;
  readonly flip: boolean;
}

/** How training views are drawn. */
export interface Augmentation {
  /** A random crop, resized; null: no crop. */
  readonly crop: CropRange | null;
  /** Probability of mirroring left and right. */
  readonly flip: number;
}

/**
 * Decodes, crops, resizes (and flips) one image to size x size RGB bytes, row-major HWC. Runs off the main thread;
 * a null view is a test image.
 * @throws InputError if the image can't be decoded; whoever knows the image's name adds it.
 */
export type ImageTransform = (
  image: StoredImage,
  preprocessing: Preprocessing,
  view: View | null,
) => Promise<Uint8Array>;

/** Images ready for the network. */
export interface Batch {
  readonly images: Uint8Array; // [count, size, size, 3]
  /** Positions of the classes in the stream's class order. */
  readonly labels: Int32Array; // [count]
  readonly count: number;
}

/** Images without their labels: all that a prediction may see. */
export type Images = Pick<Batch, "images" | "count">;

/** Rows of features with their classes, as stream positions. */
export interface LabeledFeatures {
  readonly features: Float32Array; // [n, d]
  readonly labels: Int32Array; // [n]
}
