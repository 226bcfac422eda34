/**
 * @file What a parquet file claims, checked before the library acts on it: hyparquet 1.31.5 believes sizes and counts,
 * and goes round for ever, or fills the memory, where these are wrong.
 */
import { brotliDecompressSync, unzipSync } from "node:zlib";
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type Compressors,
  type FileMetaData,
  parquetSchema,
  type SchemaTree,
} from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { compressors as libraryCompressors } from "hyparquet-compressors";
import { checkZstdFrame } from "./zstd-frame.ts";

/** A part of a column that is decompressed at once. */
export interface Page {
  readonly offset: bigint;
  readonly compressed_page_size: number;
  /** Within its row group. */
  readonly first_row_index: bigint;
}

/** More than any benchmark has in one file. */
const MOST_ROWS = 2 ** 24;
/** Columns with all their parts, and row groups. */
const MOST_PARTS = 10_000;
/** Bytes that a page may unfold to: images don't shrink, labels do. */
const SMALL_PAGE = 64 * 2 ** 20;
const LARGEST_RATIO = 20;
/** More than a page's header has, with the shortest and longest value as statistics. */
const HEADER_BYTES = 2 ** 14;
/** What writers of image sets use. DELTA_BYTE_ARRAY, whose values repeat what came before, unfolds without bounds. */
const ENCODINGS = [
  ...["PLAIN", "PLAIN_DICTIONARY", "RLE_DICTIONARY", "RLE"],
  ...["DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
];

const count = (value: unknown): number => {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`a count or an offset is ${value}`);
  return number;
};

/** @throws Error at rows that row groups don't hold, or parts that lie outside of the file */
export function checkMetadata(metadata: FileMetaData, bytes: number): void {
  const { schema, row_groups: groups } = metadata;
  const rows = count(metadata.num_rows);
  const held = groups.reduce((sum, { num_rows }) => sum + count(num_rows), 0);
  if (held !== rows) throw new Error(`it claims ${rows} rows, and its row groups hold ${held}`);
  if (rows > Math.min(MOST_ROWS, bytes)) throw new Error(`it claims ${rows} rows in ${bytes} bytes`);
  if (schema.length > MOST_PARTS || groups.length > MOST_PARTS) {
    throw new Error(`it claims ${schema.length} columns in ${groups.length} row groups`);
  }
  const root = parquetSchema(metadata);
  for (const { columns } of groups) {
    for (const { meta_data: column } of columns) {
      if (column === undefined) throw new Error("a column has no description");
      checkPath(root, column.path_in_schema);
      const start = startOf(column);
      if (start + count(column.total_compressed_size) > bytes) {
        throw new Error(`column ${column.path_in_schema.join(".")} ends outside of the file`);
      }
    }
  }
}

/** The library has begun to read other columns by the time it misses one, and leaves them to fail by themselves. */
function checkPath(root: SchemaTree, path: readonly string[]): void {
  let at: SchemaTree | undefined = root;
  for (const name of path) at = at?.children.find(({ element }) => element.name === name);
  if (at === undefined || path.length === 0)
    throw new Error(`column "${path.join(".")}" is not in its schema`);
}

const startOf = ({ dictionary_page_offset: dictionary, data_page_offset: data }: ColumnMetaData): number =>
  count(dictionary || data);

/**
 * Goes from page to page by their headers, which tell their lengths: a small read each.
 * @returns the pages with rows, in order
 * @throws Error at a page that claims what can't be
 */
export async function pagesOf(buffer: AsyncBuffer, column: ColumnMetaData, rows: number): Promise<Page[]> {
  const pages: Page[] = [];
  let offset = startOf(column);
  const end = offset + count(column.total_compressed_size);
  let row = 0;
  while (offset < end - 1) {
    const piece = await buffer.slice(offset, Math.min(end, offset + HEADER_BYTES));
    const reader = { view: new DataView(piece), offset: 0 };
    const header = parquetHeader(reader);
    const size = reader.offset + count(header.compressed_page_size);
    if (offset + size > end) throw new Error(`the page at ${offset} is longer than its column`);
    const own = rowsOf(header);
    if (own > rows - row) throw new Error(`the page at ${offset} claims ${own} of ${rows - row} rows`);
    if (own > 0) {
      pages.push({ offset: BigInt(offset), compressed_page_size: size, first_row_index: BigInt(row) });
    }
    row += own;
    offset += size;
  }
  if (row < rows) throw new Error(`pages of ${column.path_in_schema.join(".")} hold ${row} of ${rows} rows`);
  return pages;
}

/** Rows of a page; 0 of a dictionary. */
function rowsOf(header: ReturnType<typeof parquetHeader>): number {
  const {
    type,
    data_page_header: data,
    data_page_header_v2: second,
    dictionary_page_header: dictionary,
  } = header;
  const compressed = count(header.compressed_page_size);
  const unfolded = count(header.uncompressed_page_size);
  if (unfolded > SMALL_PAGE + LARGEST_RATIO * compressed) {
    throw new Error(`a page of ${compressed} bytes claims to unfold to ${unfolded}`);
  }
  if (type === "DICTIONARY_PAGE" && dictionary !== undefined) {
    if (count(dictionary.num_values) > unfolded)
      throw new Error("a dictionary claims more values than bytes");
    return 0;
  }
  const page = type === "DATA_PAGE" ? data : type === "DATA_PAGE_V2" ? second : undefined;
  if (page === undefined) throw new Error(`a page of kind ${type} is not read`);
  if (!ENCODINGS.includes(page.encoding)) throw new Error(`encoding ${page.encoding} is not read`);
  const values = count(page.num_values);
  if (second !== undefined && type === "DATA_PAGE_V2") {
    const levels = count(second.definition_levels_byte_length) + count(second.repetition_levels_byte_length);
    const fits =
      count(second.num_rows) === values && count(second.num_nulls) <= values && levels <= compressed;
    if (!fits) throw new Error("a page's counts contradict each other");
  }
  return values;
}

/** Decompression that ends at the length that the page claims. Hadoop's LZ4 is not read. */
export const boundedCompressors: Compressors = {
  SNAPPY: libraryCompressors.SNAPPY!,
  GZIP: (bytes, length) => unzipSync(bytes, { maxOutputLength: atLeastOne(length) }),
  BROTLI: (bytes, length) => brotliDecompressSync(bytes, { maxOutputLength: atLeastOne(length) }),
  ZSTD(bytes, length) {
    checkZstdFrame(bytes, length); // Node's own came with 22.15
    return libraryCompressors.ZSTD!(bytes, length);
  },
  LZ4_RAW: libraryCompressors.LZ4_RAW!,
  LZ4: () => {
    throw new Error("compression by LZ4 with Hadoop's frames is not read");
  },
};

const atLeastOne = (length: number): number => Math.max(1, length);
