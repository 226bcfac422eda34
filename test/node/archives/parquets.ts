/** @file Parquet files as the Hub has them, small. */
import { type BasicType, parquetWriteBuffer } from "hyparquet-writer";

/** How a file is laid out. */
export interface ParquetForm {
  readonly rowGroupSize?: number;
  readonly pageSize?: number;
  readonly codec?: "SNAPPY" | "UNCOMPRESSED";
  /** Whether pages are indexed; pyarrow doesn't by default. */
  readonly offsetIndex?: boolean;
}

/** One column besides the image. */
interface Column {
  readonly type: BasicType;
  readonly values: readonly unknown[];
  /** Of numbers, as `datasets` writes them into the file. */
  readonly names?: readonly string[];
}

/** A structure {bytes, path} for the image, and the other columns. */
export function parquetOf(
  image: string,
  images: readonly (Uint8Array | null)[],
  columns: Readonly<Record<string, Column>>,
  { offsetIndex = false, ...form }: ParquetForm = {},
): Buffer {
  const features = Object.entries(columns).flatMap(([name, { names }]) =>
    names === undefined ? [] : [[name, { names, _type: "ClassLabel" }]],
  );
  const leaf = (name: string) => ({ name, type: "BYTE_ARRAY", repetition_type: "OPTIONAL" }) as const;
  const schema = [
    { name: "root", num_children: 1 + Object.keys(columns).length },
    { name: image, num_children: 2, repetition_type: "OPTIONAL" as const },
    leaf("bytes"),
    { ...leaf("path"), converted_type: "UTF8" as const },
    ...Object.entries(columns).map(([name, { type }]) => ({
      ...leaf(name),
      ...(type === "STRING" ? { converted_type: "UTF8" as const } : { type: "INT64" as const }),
    })),
  ];
  const written = parquetWriteBuffer({
    ...form,
    schema,
    columnData: [
      {
        name: image,
        data: images.map((bytes) => (bytes === null ? null : { bytes, path: null })),
        offsetIndex,
      },
      ...Object.entries(columns).map(([name, { values }]) => ({ name, data: [...values], offsetIndex })),
    ],
    kvMetadata: [
      { key: "huggingface", value: JSON.stringify({ info: { features: Object.fromEntries(features) } }) },
    ],
  });
  return Buffer.from(written);
}
