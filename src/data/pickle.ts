/** @file A reader of the Python pickles that data sets come as: plain values and uint8 arrays of NumPy, nothing else. */
import { InputError } from "../tensor/errors.ts";

/** An array of NumPy with dtype uint8, in C order. */
export interface PickledArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array; // [product of shape]
}

/** What a pickle may hold here. Python 2's `str` and Python 3's `bytes` are bytes; dictionaries have text as keys. */
export type Pickled =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | PickledArray
  | readonly Pickled[]
  | ReadonlyMap<string, Pickled>;

/** A name that a pickle may ask for. It stands for no code: what would be called is done here, for these alone. */
type Global = "_reconstruct" | "ndarray" | "dtype";

const GLOBALS: Readonly<Record<string, Global>> = {
  "numpy.core.multiarray _reconstruct": "_reconstruct",
  "numpy._core.multiarray _reconstruct": "_reconstruct",
  "numpy ndarray": "ndarray",
  "numpy dtype": "dtype",
};

class Named {
  readonly name: Global;
  constructor(name: Global) {
    this.name = name;
  }
}
class Dtype {}
class GrowingArray implements PickledArray {
  shape: readonly number[] = [];
  data = new Uint8Array();
}
class Mark {}
type Cell = Pickled | Cell[] | Map<string, Cell> | Named | Dtype | GrowingArray | Mark;

/** Steps and values that a reader goes through: CIFAR-100's 50,000 images take 320,000. */
const MOST_STEPS = 2_000_000;
/** Bytes of a key or of a name: one that is referred to again and again is read again each time. */
const LONGEST_TEXT = 1024;
/** Axes of an array, as NumPy had them for long. */
const MOST_AXES = 32;

/** Opcodes by which a pickle would run code of its own choice. */
const REFUSED: Readonly<Record<number, string>> = {
  80: "PERSID",
  81: "BINPERSID",
  105: "INST",
  111: "OBJ",
  129: "NEWOBJ",
  130: "EXT1",
  131: "EXT2",
  132: "EXT4",
  146: "NEWOBJ_EX",
};

/**
 * The value of a pickle of protocol 2 to 5. Nothing in it can run: names other than NumPy's for arrays are refused.
 * @param name - of the file, for messages
 * @throws InputError if it is damaged, or asks for anything else
 */
export function unpickle(name: string, bytes: Uint8Array): Pickled {
  try {
    return new Unpickler(bytes).value();
  } catch (error) {
    throw new InputError(
      `${name}: can't be read as a pickle of plain values (${(error as Error).message}); get it from its official source`,
      { cause: error },
    );
  }
}

class Unpickler {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private position = 0;
  private readonly stack: Cell[] = [];
  private readonly memo = new Map<number, Cell>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(): Pickled {
    if (this.bytes[0] !== 0x80) throw new Error("it does not start as one");
    for (let steps = 0; ; steps++) {
      if (steps > MOST_STEPS) throw new Error(`it has more than ${MOST_STEPS} steps`);
      const opcode = this.take(1)[0]!;
      if (opcode === 0x2e) return this.pop() as Pickled; // STOP
      const step = STEPS[opcode];
      if (step === undefined) {
        const named = REFUSED[opcode] ?? `0x${opcode.toString(16).padStart(2, "0")}`;
        throw new Error(`opcode ${named} at byte ${this.position - 1} is refused`);
      }
      step(this);
    }
  }

  take(length: number): Uint8Array {
    const start = this.position;
    if (start + length > this.bytes.length)
      throw new Error(`it ends too early, at byte ${this.bytes.length}`);
    this.position += length;
    return this.bytes.subarray(start, start + length);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes, the lowest first. */
  unsigned(length: 1 | 2 | 4 | 8): number {
    const start = this.position;
    this.take(length);
    if (length === 1) return this.view.getUint8(start);
    if (length === 2) return this.view.getUint16(start, true);
    const low = this.view.getUint32(start, true);
    return length === 4 ? low : low + 2 ** 32 * this.view.getUint32(start + 4, true);
  }

  signed(): number {
    const start = this.position;
    this.take(4);
    return this.view.getInt32(start, true);
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new Error("it ends within a name");
    return shortText(this.take(end + 1 - this.position).subarray(0, -1));
  }

  push(cell: Cell): void {
    this.stack.push(cell);
  }

  pop(): Cell {
    const cell = this.stack.pop();
    if (cell === undefined || cell instanceof Mark) throw new Error("its stack is empty");
    return cell;
  }

  /** What lies above the last mark, which goes, too. */
  popToMark(): Cell[] {
    const at = this.stack.findLastIndex((cell) => cell instanceof Mark);
    if (at < 0) throw new Error("it lacks a mark");
    return this.stack.splice(at).slice(1);
  }

  top(): Cell {
    const cell = this.pop();
    this.stack.push(cell);
    return cell;
  }

  put(key: number): void {
    this.memo.set(key, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(key: number): void {
    const cell = this.memo.get(key);
    if (cell === undefined) throw new Error(`it refers to ${key}, which is not there`);
    this.stack.push(cell);
  }

  append(items: readonly Cell[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new Error("it appends to what is no list");
    for (const item of items) list.push(item);
  }

  setItems(items: readonly Cell[]): void {
    const map = this.top();
    if (!(map instanceof Map) || items.length % 2 !== 0) throw new Error("it sets items of no dictionary");
    for (let at = 0; at < items.length; at += 2) {
      const key = items[at];
      if (!isText(key)) throw new Error("a key is no text");
      map.set(shortText(key), items[at + 1]!);
    }
  }

  global(module: string, name: string): void {
    const known = GLOBALS[`${module} ${name}`];
    if (known === undefined) throw new Error(`it asks for ${module}.${name}, which is refused`);
    this.push(new Named(known));
  }

  /** Only what makes an empty array, and the type uint8. */
  reduce(): void {
    const given = this.pop();
    const callable = this.pop();
    const called = callable instanceof Named ? callable.name : "what is no name";
    if (called === "_reconstruct") this.push(new GrowingArray());
    else if (called === "dtype" && Array.isArray(given) && isUint8(given[0])) this.push(new Dtype());
    else throw new Error(`a call of ${called} with these arguments is refused; expected an array of uint8`);
  }

  /** Fills an array: (version, shape, dtype, whether in Fortran's order, bytes). */
  build(): void {
    const state = this.pop();
    const made = this.top();
    if (made instanceof Dtype) return; // byte order and flags, which one byte doesn't have
    if (!(made instanceof GrowingArray) || !Array.isArray(state)) throw new Error("BUILD is refused here");
    const [, shape, dtype, fortran, data] = state;
    const sizes = Array.isArray(shape) && shape.length <= MOST_AXES ? shape : [null];
    const wanted = sizes.reduce<number>(
      (product, size) => (typeof size === "number" && size >= 0 ? product * size : Number.NaN),
      1,
    );
    if (
      !(dtype instanceof Dtype && fortran === false && data instanceof Uint8Array && data.length === wanted)
    ) {
      throw new Error("an array is not of uint8 in C order, or its bytes don't fit its shape");
    }
    made.shape = sizes as readonly number[];
    made.data = data as Uint8Array<ArrayBuffer>;
  }
}

const textOf = (text: string | Uint8Array): string =>
  typeof text === "string" ? text : new TextDecoder().decode(text);

const isText = (cell: unknown): cell is string | Uint8Array =>
  typeof cell === "string" || cell instanceof Uint8Array;

function shortText(text: string | Uint8Array): string {
  if (text.length > LONGEST_TEXT) throw new Error(`a name or key has more than ${LONGEST_TEXT} bytes`);
  return textOf(text);
}

const isUint8 = (cell: Cell | undefined): boolean =>
  isText(cell) && cell.length === 2 && textOf(cell) === "u1";

/** A list of texts, each `LONGEST_TEXT` at most; undefined for anything else: nothing is turned into text here. */
export function pickledTexts(value: Pickled | undefined): string[] | undefined {
  if (!Array.isArray(value) || !value.every((each) => isText(each) && each.length <= LONGEST_TEXT))
    return undefined;
  return value.map(textOf);
}

/** What each opcode does; https://docs.python.org/3/library/pickletools.html describes them. */
const STEPS: Readonly<Record<number, (reader: Unpickler) => void>> = {
  128: (reader) => {
    const protocol = reader.unsigned(1);
    if (protocol < 2 || protocol > 5) throw new Error(`protocol ${protocol}; expected 2 to 5`);
  },
  149: (reader) => reader.take(8), // FRAME: a hint
  40: (reader) => reader.push(new Mark()),
  78: (reader) => reader.push(null),
  136: (reader) => reader.push(true),
  137: (reader) => reader.push(false),
  74: (reader) => reader.push(reader.signed()), // BININT
  75: (reader) => reader.push(reader.unsigned(1)), // BININT1
  77: (reader) => reader.push(reader.unsigned(2)), // BININT2
  84: (reader) => reader.push(reader.take(reader.unsigned(4))), // BINSTRING
  85: (reader) => reader.push(reader.take(reader.unsigned(1))), // SHORT_BINSTRING
  66: (reader) => reader.push(reader.take(reader.unsigned(4))), // BINBYTES
  67: (reader) => reader.push(reader.take(reader.unsigned(1))), // SHORT_BINBYTES
  142: (reader) => reader.push(reader.take(reader.unsigned(8))), // BINBYTES8
  88: (reader) => reader.push(textOf(reader.take(reader.unsigned(4)))), // BINUNICODE
  140: (reader) => reader.push(textOf(reader.take(reader.unsigned(1)))), // SHORT_BINUNICODE
  93: (reader) => reader.push([]),
  125: (reader) => reader.push(new Map<string, Cell>()),
  41: (reader) => reader.push([]), // EMPTY_TUPLE
  116: (reader) => reader.push(reader.popToMark()), // TUPLE
  133: (reader) => reader.push([reader.pop()]),
  134: (reader) => reader.push([reader.pop(), reader.pop()].reverse()),
  135: (reader) => reader.push([reader.pop(), reader.pop(), reader.pop()].reverse()),
  97: (reader) => reader.append([reader.pop()]),
  101: (reader) => reader.append(reader.popToMark()),
  115: (reader) => reader.setItems([reader.pop(), reader.pop()].reverse()),
  117: (reader) => reader.setItems(reader.popToMark()),
  113: (reader) => reader.put(reader.unsigned(1)), // BINPUT
  114: (reader) => reader.put(reader.unsigned(4)), // LONG_BINPUT
  148: (reader) => reader.memoize(),
  104: (reader) => reader.get(reader.unsigned(1)), // BINGET
  106: (reader) => reader.get(reader.unsigned(4)), // LONG_BINGET
  99: (reader) => reader.global(reader.line(), reader.line()),
  147: (reader) => {
    const [name, module] = [reader.pop(), reader.pop()];
    if (typeof name !== "string" || typeof module !== "string") throw new Error("a name is no text");
    reader.global(shortText(module), shortText(name));
  },
  82: (reader) => reader.reduce(),
  98: (reader) => reader.build(),
};
