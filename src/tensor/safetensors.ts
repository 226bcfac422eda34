/** @file The safetensors format: an 8-byte length, a JSON header, then the tensors' bytes. */
import { InputError } from "./errors.ts";
import { fromHalf, toHalf } from "./half.ts";
import { BYTES_PER_ELEMENT, type DType, sizeOf, type Tensor } from "./tensor.ts";

/** One tensor of a file, not yet read. Offsets count from the start of the file. */
export interface SafetensorsEntry {
  readonly dtype: string;
  readonly dims: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** A file's header. */
export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

const MAX_HEADER_BYTES = 100_000_000; // the format's own limit
const STORED_BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
  I8: 1,
};
const STORED_TYPE: Readonly<Record<DType, string>> = {
  float64: "F64",
  float32: "F32",
  int64: "I64",
  int32: "I32",
  uint8: "U8",
  int8: "I8",
};

/** Length of the header in bytes, from the file's first 8. @throws InputError if it can't be true. */
export function headerLength(first: Uint8Array, fileLength: number, file: string): number {
  const length = first.length < 8 ? 0n : new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length < 2n || length > BigInt(Math.min(MAX_HEADER_BYTES, fileLength - 8))) {
    throw new InputError(
      `${file}: not a safetensors file, or a truncated one: its header claims ${length} bytes and the file has ${fileLength}`,
    );
  }
  return Number(length);
}

/** Reads and checks a header. `bytes` is the JSON alone. @throws InputError that names file and tensor. */
export function parseHeader(bytes: Uint8Array, fileLength: number, file: string): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new InputError(`${file}: the safetensors header is no JSON text; download or write the file again`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new InputError(`${file}: the safetensors header is no JSON object`);
  const entries = new Map<string, SafetensorsEntry>();
  const base = 8 + bytes.length;
  for (const [name, entry] of Object.entries(json)) {
    if (name !== "__metadata__") entries.set(name, checkEntry(name, entry, base, fileLength, file));
  }
  checkCoverage(entries, base, fileLength, file);
  return { entries, metadata: textsOf((json as { __metadata__?: unknown }).__metadata__, file) };
}

/** Of metadata, which are texts by name. */
function textsOf(metadata: unknown, file: string): Readonly<Record<string, string>> {
  const entries = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [];
  if (Array.isArray(metadata) || entries.some(([, value]) => typeof value !== "string")) {
    throw new InputError(`${file}: its __metadata__ are no texts by name; download or write the file again`);
  }
  return named(entries);
}

/** By names from a file, which may be "__proto__" or "constructor": an object that has nothing else. */
function named<Value>(entries: Iterable<readonly [string, Value]>): Record<string, Value> {
  return Object.assign(Object.create(null) as Record<string, Value>, Object.fromEntries(entries));
}

function checkEntry(
  name: string,
  entry: unknown,
  base: number,
  fileLength: number,
  file: string,
): SafetensorsEntry {
  const {
    dtype,
    shape,
    data_offsets: offsets,
  } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!whole(shape) || !whole(offsets) || offsets.length !== 2 || typeof dtype !== "string") {
    throw new InputError(`${file}: tensor ${name} has no valid dtype, shape and data_offsets`);
  }
  const width = Object.hasOwn(STORED_BYTES, dtype) ? STORED_BYTES[dtype] : undefined;
  if (width === undefined) {
    throw new InputError(
      `${file}: tensor ${name} is ${dtype}; supported are ${Object.keys(STORED_BYTES).join(", ")}`,
    );
  }
  const [start, end] = offsets as [number, number];
  if (end - start !== width * sizeOf(shape)) {
    throw new InputError(
      `${file}: tensor ${name} is ${dtype} [${shape}], which is ${width * sizeOf(shape)} bytes, but its offsets span ${end - start}`,
    );
  }
  if (base + end > fileLength) {
    throw new InputError(
      `${file}: truncated: tensor ${name} ends at byte ${base + end} of a file of ${fileLength}; download or write the file again`,
    );
  }
  return { dtype, dims: shape, start: base + start, end: base + end };
}

/** The format has no holes and no overlaps: where there are some, the header lies or the file is another one's. */
function checkCoverage(
  entries: ReadonlyMap<string, SafetensorsEntry>,
  base: number,
  fileLength: number,
  file: string,
): void {
  const inOrder = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let [before, at] = ["the header", base];
  for (const [name, { start, end }] of inOrder) {
    if (start !== at) {
      const what = start < at ? "overlap" : `have ${start - at} bytes of no tensor between them`;
      throw new InputError(`${file}: ${before} and tensor ${name} ${what}; download or write the file again`);
    }
    [before, at] = [`tensor ${name}`, end];
  }
  if (at !== fileLength) {
    throw new InputError(
      `${file}: ${fileLength - at} bytes after ${before} belong to no tensor; download or write the file again`,
    );
  }
}

/** The tensor as float32, from its own bytes; F32 that is aligned is not copied. */
export function decodeFloat32(entry: SafetensorsEntry, bytes: Uint8Array): Tensor<"float32"> {
  return { dtype: "float32", dims: entry.dims, data: toFloat32(entry.dtype, bytes) };
}

function toFloat32(dtype: string, bytes: Uint8Array): Float32Array {
  const aligned = (width: number): Uint8Array =>
    bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  switch (dtype) {
    case "F32": {
      const own = aligned(4);
      return new Float32Array(own.buffer, own.byteOffset, own.byteLength / 4);
    }
    case "F16": {
      const own = aligned(2);
      return fromHalf(new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2));
    }
    case "BF16": {
      const own = aligned(2);
      const halves = new Uint16Array(own.buffer, own.byteOffset, own.byteLength / 2);
      const bits = new Uint32Array(halves.length);
      for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
      return new Float32Array(bits.buffer);
    }
    case "F64": {
      const own = aligned(8);
      return Float32Array.from(new Float64Array(own.buffer, own.byteOffset, own.byteLength / 8));
    }
    default:
      throw new InputError(`a ${dtype} tensor cannot be read as floating-point numbers`);
  }
}

/** Serializes tensors, in the order of their names, so that equal tensors give equal bytes. */
export function encodeSafetensors(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
  {
    half = false,
  }: {
    /** Stores float32 as half precision, rounded to the nearest. */
    readonly half?: boolean;
  } = {},
): Uint8Array {
  const names = Object.keys(tensors).sort();
  let offset = 0;
  const header: Record<string, unknown> = Object.create(null); // a tensor may be called __proto__
  header.__metadata__ = metadata;
  for (const name of names) {
    const { dtype, dims } = tensors[name]!;
    const halved = half && dtype === "float32";
    const end = offset + sizeOf(dims) * (halved ? 2 : BYTES_PER_ELEMENT[dtype]);
    header[name] = { dtype: halved ? "F16" : STORED_TYPE[dtype], shape: dims, data_offsets: [offset, end] };
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 8) * 8; // padded with spaces: tensors start aligned
  const file = new Uint8Array(8 + headerBytes + offset).fill(0x20, 8, 8 + headerBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.set(json, 8);
  let at = 8 + headerBytes;
  for (const name of names) {
    const { data: exact } = tensors[name]!;
    const data = half && exact instanceof Float32Array ? toHalf(exact) : exact;
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/** Reads a whole file held in memory; each tensor keeps its stored type (half types become float32). */
export function decodeSafetensors(
  bytes: Uint8Array,
  file: string,
): { tensors: Record<string, Tensor>; metadata: Readonly<Record<string, string>> } {
  const length = headerLength(bytes.subarray(0, 8), bytes.length, file);
  const { entries, metadata } = parseHeader(bytes.subarray(8, 8 + length), bytes.length, file);
  const own = ({ start, end }: SafetensorsEntry) => new Uint8Array(bytes.subarray(start, end)); // a Buffer's slice copies nothing
  const tensors = [...entries].map(([name, entry]) => [name, decodeTensor(entry, own(entry))] as const);
  return { tensors: named(tensors), metadata };
}

function decodeTensor(entry: SafetensorsEntry, own: Uint8Array): Tensor {
  const { dims, dtype } = entry;
  switch (dtype) {
    case "F64":
      return { dtype: "float64", dims, data: new Float64Array(own.buffer) };
    case "I64":
      return { dtype: "int64", dims, data: new BigInt64Array(own.buffer) };
    case "I32":
      return { dtype: "int32", dims, data: new Int32Array(own.buffer) };
    case "U8":
      return { dtype: "uint8", dims, data: own };
    case "I8":
      return { dtype: "int8", dims, data: new Int8Array(own.buffer) };
    default:
      return decodeFloat32(entry, own);
  }
}
