/** @file One parquet file with images: columns of labels at once, images by row, a page at a time. */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetReadObjects,
  type RowGroup,
} from "hyparquet";
import * as z from "zod";
import { InputError } from "../../tensor/errors.ts";
import { isLfsPointer, LFS_POINTER } from "../../tensor/git-lfs.ts";
import { requireRegular } from "../files/read.ts";
import { explained } from "./file-tree.ts";
import { checkMetadata, boundedCompressors as compressors, type Page, pagesOf } from "./parquet-pages.ts";

/** Rows [start, end) of the file, which one page holds. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Pages are a megabyte or a whole row group: enough for CIFAR-100 and PACS, and for going through larger sets in order. */
const CACHED_BYTES = 256 * 2 ** 20;

/** The pages that were read last, up to a number of bytes in all: memory stays flat however large the data set. */
export class PageCache {
  readonly #pages = new Map<string, Promise<(Uint8Array | undefined)[]>>();
  readonly #sizes = new Map<string, number>();
  #bytes = 0;
  readonly #limit: number;

  constructor(limit = CACHED_BYTES) {
    this.#limit = limit;
  }

  /** A page by its key, read where it isn't there; a read under way is shared. */
  get(key: string, read: () => Promise<(Uint8Array | undefined)[]>): Promise<(Uint8Array | undefined)[]> {
    const known = this.#pages.get(key);
    const page = known ?? read();
    this.#pages.delete(key);
    this.#pages.set(key, page); // the newest is last
    if (known === undefined) {
      page.then(
        (cells) => this.#count(key, cells),
        () => this.#pages.delete(key),
      );
    }
    return page;
  }

  #count(key: string, cells: readonly (Uint8Array | undefined)[]): void {
    const size = cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
    this.#sizes.set(key, size); // in the order of reading
    this.#bytes += size;
    for (const [oldest, bytes] of this.#sizes) {
      if (this.#bytes <= this.#limit || oldest === key) break;
      this.#sizes.delete(oldest);
      this.#pages.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** A parquet file, opened for each read so that nothing needs closing. */
export class ParquetTable {
  readonly file: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly #buffer: AsyncBuffer;
  readonly #metadata: FileMetaData;
  /** First row of each row group. */
  readonly #starts: readonly number[];
  readonly #pages = new Map<number, Promise<Readonly<Record<string, Page[]>>>>();
  readonly #cache: PageCache;

  private constructor(file: string, buffer: AsyncBuffer, metadata: FileMetaData, cache: PageCache) {
    this.file = file;
    this.#cache = cache;
    this.#buffer = buffer;
    this.#metadata = metadata;
    this.rows = Number(metadata.num_rows);
    const [root, ...others] = metadata.schema;
    this.columns = topLevel(others, root!.num_children ?? 0);
    let start = 0;
    this.#starts = metadata.row_groups.map(({ num_rows }) => {
      const first = start;
      start += Number(num_rows);
      return first;
    });
  }

  /** @throws InputError if the file is damaged or no parquet file */
  static async open(file: string, cache: PageCache): Promise<ParquetTable> {
    return readable(file, async () => {
      await requireRegular(file);
      const { size } = await stat(file);
      const pointer = size < HEAD && isLfsPointer(new Uint8Array(await bytesOf(file, 0, size)), size);
      if (pointer) throw new InputError(`${file}: can't be read as parquet: this is ${LFS_POINTER}`);
      const buffer: AsyncBuffer = {
        byteLength: size,
        slice: (start, end) => bytesOf(file, start, end ?? size),
      };
      const metadata = await parquetMetadataAsync(buffer, { geoparquet: false });
      checkMetadata(metadata, size);
      return new ParquetTable(file, buffer, withoutIndexes(metadata), cache);
    });
  }

  /** Names of the numbers in a column of classes, as Hugging Face's `datasets` writes them into the file. */
  names(column: string): readonly string[] | undefined {
    const text = this.#metadata.key_value_metadata?.find(({ key }) => key === "huggingface")?.value;
    if (text === undefined) return undefined;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return undefined; // the same as a file by another program
    }
    const features = featuresSchema.safeParse(json).data?.info.features;
    const feature = features !== undefined && Object.hasOwn(features, column) ? features[column] : undefined;
    return namesSchema.safeParse(feature).data?.names;
  }

  /** A column of numbers or text. @throws InputError if it isn't there or can't be read */
  async column(name: string): Promise<(number | string | null)[]> {
    if (!this.columns.includes(name)) {
      throw new InputError(
        `${this.file}: no column "${name}"; found: ${this.columns.join(", ")}. Fetch the data set that the benchmark names`,
      );
    }
    return readable(this.file, async () => {
      for (const group of this.#metadata.row_groups) await this.#findPages(name, group); // checks them
      const cells = new Array<number | string | null>(this.rows).fill(null);
      let isPlain = true;
      await parquetRead({
        file: this.#buffer,
        metadata: this.#metadata,
        compressors,
        columns: [name],
        onChunk({ columnData, rowStart }) {
          for (const [at, cell] of Array.from(columnData as ArrayLike<unknown>).entries()) {
            const plain = plainCell(cell);
            isPlain &&= plain !== undefined; // nobody catches what is thrown here
            if (rowStart + at < cells.length) cells[rowStart + at] = plain ?? null;
          }
        },
      });
      if (!isPlain) throw new Error(`column ${name} has neither numbers nor texts`);
      return cells;
    });
  }

  /** The encoded image of a row. @throws InputError if it can't be read, or there is none */
  image(column: string, row: number): Promise<Uint8Array> {
    return explained(`${basename(this.file)}#${row}`, this.file, async () => {
      const span = await this.#spanOf(column, row);
      const cells = await this.#cache.get(`${this.file} ${span.start}`, () => this.#cells(column, span));
      const cell = cells[row - span.start];
      if (cell === undefined) throw new Error("the row has no image");
      return cell.slice(); // a copy: whoever gets it may hand it to another thread
    });
  }

  /** The images of some rows. */
  async #cells(column: string, { start, end }: Span): Promise<(Uint8Array | undefined)[]> {
    const rows = await parquetReadObjects({
      file: this.#buffer,
      metadata: this.#metadata,
      compressors,
      columns: [column],
      utf8: false,
      rowStart: start,
      rowEnd: end,
      useOffsetIndex: true,
      // Where a file has no index of its pages, this one is taken (hyparquet 1.31.5; not in its types).
      ...{ pageLocationsByGroup: await this.#locations(column) },
    });
    return rows.map((row) => {
      const cell = row[column] as { bytes?: unknown } | Uint8Array | null;
      const bytes = cell instanceof Uint8Array ? cell : cell?.bytes;
      return bytes instanceof Uint8Array ? bytes : undefined;
    });
  }

  /** Pages of the row groups that have been looked at, by the path of each part of the column. */
  async #locations(column: string): Promise<Readonly<Record<string, Page[]>>[]> {
    const known = this.#starts.map((_, group) =>
      this.#pages.get(group * this.columns.length + this.columns.indexOf(column)),
    );
    return Promise.all(known.map(async (pages) => (await pages) ?? {}));
  }

  /** The rows of the page in which a row's image lies. */
  async #spanOf(column: string, row: number): Promise<Span> {
    const group = this.#starts.findLastIndex((start) => start <= row);
    const { num_rows } = this.#metadata.row_groups[group]!;
    const key = group * this.columns.length + this.columns.indexOf(column);
    if (!this.#pages.has(key))
      this.#pages.set(key, this.#findPages(column, this.#metadata.row_groups[group]!));
    const parts = await this.#pages.get(key)!;
    const first = this.#starts[group]!;
    // The bytes of the images; names of files, the other part, are in fewer pages.
    const pages = Object.values(parts).reduce((most, each) => (each.length > most.length ? each : most), []);
    const at = pages.findLastIndex(({ first_row_index }) => first + Number(first_row_index) <= row);
    const next = pages[at + 1];
    return {
      start: first + Number(pages[at]?.first_row_index ?? 0),
      end: first + Number(next?.first_row_index ?? num_rows),
    };
  }

  /** The pages of each part of a column in a row group, checked. */
  async #findPages(column: string, group: RowGroup): Promise<Readonly<Record<string, Page[]>>> {
    const parts: Record<string, Page[]> = Object.create(null);
    for (const { meta_data } of group.columns) {
      if (meta_data === undefined || meta_data.path_in_schema[0] !== column) continue;
      const pages = await pagesOf(this.#buffer, meta_data, Number(group.num_rows));
      parts[meta_data.path_in_schema.join(".")] = pages;
    }
    return parts;
  }
}

/** Bytes of the longest pointer of Git LFS, and more. */
const HEAD = 1024;

/** The library would believe a file's own index of pages: those are found and checked here. */
const withoutIndexes = (metadata: FileMetaData): FileMetaData => ({
  ...metadata,
  row_groups: metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.map(({ offset_index_offset: _, offset_index_length: __, ...column }) => column),
  })),
});

/** What `datasets` writes under "huggingface". */
const featuresSchema = z.object({ info: z.object({ features: z.record(z.string(), z.unknown()) }) });
const namesSchema = z.object({ names: z.array(z.string()).min(1).max(65_536) });

/** undefined: neither number nor text nor nothing. */
function plainCell(cell: unknown): number | string | null | undefined {
  if (typeof cell === "bigint") return Number(cell);
  if (typeof cell === "number" || typeof cell === "string") return cell;
  return cell === null || cell === undefined ? null : undefined;
}

function topLevel(schema: readonly { name: string; num_children?: number }[], count: number): string[] {
  const names: string[] = [];
  let at = 0;
  const skip = (): void => {
    const { num_children = 0 } = schema[at++]!;
    for (let child = 0; child < num_children; child++) skip();
  };
  for (let column = 0; column < count; column++) {
    names.push(schema[at]!.name);
    skip();
  }
  return names;
}

async function bytesOf(file: string, start: number, end: number): Promise<ArrayBuffer> {
  const handle = await open(file);
  try {
    const bytes = new Uint8Array(end - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    if (bytesRead < bytes.length) throw new Error("it ends too early");
    return bytes.buffer;
  } finally {
    await handle.close();
  }
}

async function readable<T>(file: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      `${file}: can't be read as parquet (${(error as Error).message}); it may be cut off: fetch it again`,
      { cause: error },
    );
  }
}
