/** @file Pickles as Python 2 wrote CIFAR-100's, byte by byte; scripts of Python read them. */

const bytesOf = (...codes: readonly number[]): Buffer => Buffer.from(codes);
const sized = (opcode: number, length: number): Buffer => {
  const head = Buffer.alloc(5);
  head[0] = opcode;
  head.writeUInt32LE(length, 1);
  return head;
};

/** A `str` of Python 2. */
export const binstring = (text: string | Uint8Array): Buffer =>
  Buffer.concat([sized(0x54, text.length), Buffer.from(text)]);
const short = (text: string): Buffer => Buffer.concat([bytesOf(0x55, text.length), Buffer.from(text)]);
const number = (value: number): Buffer => sized(0x4a, value);
const list = (items: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from("]("), ...items, Buffer.from("e")]);
/** A name that the pickle asks for. */
export const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

/** An array [rows, columns] of uint8, as NumPy pickles it. */
export function uint8Array(rows: number, columns: number, data: Uint8Array): Buffer {
  const none = Buffer.from("NNN");
  return Buffer.concat([
    global("numpy.core.multiarray", "_reconstruct"),
    global("numpy", "ndarray"),
    // (ndarray, (0,), "b"), called
    ...[bytesOf(0x4b, 0, 0x85), short("b"), bytesOf(0x87), Buffer.from("R(")],
    // (1, shape, dtype, False, data), which fills it
    bytesOf(0x4b, 1),
    number(rows),
    number(columns),
    bytesOf(0x86),
    ...[global("numpy", "dtype"), short("u1"), bytesOf(0x4b, 0, 0x4b, 1, 0x87), Buffer.from("R(")],
    bytesOf(0x4b, 3),
    short("|"),
    none,
    number(0xffffffff),
    number(0xffffffff),
    bytesOf(0x4b, 0),
    Buffer.from("tb"),
    bytesOf(0x89),
    binstring(data),
    Buffer.from("tb"),
  ]);
}

/** Protocol 2 around one value. */
export const pickled = (...value: readonly Buffer[]): Buffer =>
  Buffer.concat([bytesOf(0x80, 2), ...value, Buffer.from(".")]);

/** A dictionary of pickled values. */
export const dictionary = (entries: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat([
    Buffer.from("}("),
    ...Object.entries(entries).flatMap(([key, value], at) => [short(key), bytesOf(0x71, at), value]),
    Buffer.from("u"),
  ]);

/** `train` or `test` of cifar-100-python. planes: 3072 bytes an image */
export function cifarPickleFile(labels: readonly number[], planes: Uint8Array): Buffer {
  return pickled(
    dictionary({
      filenames: list(labels.map((_, image) => short(`image_${image}.png`))),
      batch_label: short("training batch 1 of 1"),
      fine_labels: list(labels.map(number)),
      coarse_labels: list(labels.map(() => number(0))),
      data: uint8Array(labels.length, 3072, planes),
    }),
  );
}

/** `meta` of cifar-100-python. */
export const cifarMetaFile = (names: readonly string[]): Buffer =>
  pickled(dictionary({ fine_label_names: list(names.map(short)), coarse_label_names: list([short("one")]) }));
