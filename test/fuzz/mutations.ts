/** @file Inputs for readers of files: sound ones with some edits, as damage, carelessness and malice make them. */
import fc from "fast-check";

/** One change of the bytes; places are shares of what is there. */
export type Edit =
  | { readonly kind: "bit"; readonly at: number; readonly bit: number }
  | { readonly kind: "bytes"; readonly at: number; readonly bytes: Uint8Array; readonly insert: boolean }
  | {
      readonly kind: "number";
      readonly at: number;
      readonly value: number;
      readonly width: 1 | 2 | 4 | 8;
      readonly little: boolean;
    }
  | { readonly kind: "cut"; readonly at: number }
  | {
      readonly kind: "remove" | "repeat";
      readonly at: number;
      readonly length: number;
      readonly times: number;
    }
  | {
      readonly kind: "splice";
      readonly at: number;
      readonly from: number;
      readonly length: number;
      readonly other: number;
    }
  /** The n-th number, text or word becomes another one. */
  | { readonly kind: "token"; readonly nth: number; readonly text: string };

/** A sound input and what is done to it. */
export interface Damage {
  readonly sound: number;
  readonly edits: readonly Edit[];
}

/** Inputs grow to this at most: what is looked for is not how much a reader can take. */
const LONGEST = 2 ** 17;
const NUMBERS = [
  0,
  1,
  2,
  127,
  128,
  255,
  256,
  32767,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 40,
  2 ** 53,
];
const TOKENS = [
  ...["0", "-1", "1e999", "-1e999", "1e-320", "0.5", "40000", "4294967296", "99999999999999999999", "NaN"],
  ...[
    "null",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    "[[[[]]]]",
    '"__proto__"',
    '"constructor"',
    '{"__proto__":{"a":1}}',
  ],
  ...[
    "../x",
    "/etc/passwd",
    "C:\\x",
    "\u0000",
    "\ufffd",
    "\u202e",
    "&a",
    "*a",
    "<<",
    "!!js/function",
    "\n",
    "",
  ],
];

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("bit" as const), at: place, bit: fc.nat(7) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("number" as const),
      at: place,
      value: fc.constantFrom(...NUMBERS),
      width: fc.constantFrom(1 as const, 2 as const, 4 as const, 8 as const),
      little: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("bytes" as const),
      at: place,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
      insert: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("remove" as const, "repeat" as const),
      at: place,
      length: fc.integer({ min: 1, max: 64 }),
      times: fc.constantFrom(1, 2, 40, 1000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("splice" as const),
      at: place,
      from: place,
      length: fc.integer({ min: 1, max: 256 }),
      other: fc.nat(31),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("token" as const),
      nth: fc.nat(200),
      text: fc.constantFrom(...TOKENS),
    }),
  },
);

/** Some sound input out of `sound` of them, with edits. */
export const damages = (sound: number): fc.Arbitrary<Damage> =>
  fc.record({ sound: fc.nat(sound - 1), edits: fc.array(edit, { minLength: 0, maxLength: 6 }) });

/** The bytes that an input has after its edits. */
export function damaged(sounds: readonly Uint8Array[], { sound, edits }: Damage): Uint8Array {
  return edits.reduce<Uint8Array>(
    (bytes, each) => edited(bytes, each, sounds).subarray(0, LONGEST),
    sounds[sound]!,
  );
}

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Buffer.concat(parts);

function edited(bytes: Uint8Array, change: Edit, sounds: readonly Uint8Array[]): Uint8Array {
  if (change.kind === "token") return withToken(bytes, change.nth, change.text);
  const at = Math.floor(change.at * (bytes.length + 1));
  switch (change.kind) {
    case "bit": {
      const result = Uint8Array.from(bytes);
      if (at < result.length) result[at]! ^= 1 << change.bit;
      return result;
    }
    case "number":
      return overwritten(bytes, at, numberBytes(change.value, change.width, change.little));
    case "bytes":
      return change.insert
        ? joined(bytes.subarray(0, at), change.bytes, bytes.subarray(at))
        : overwritten(bytes, at, change.bytes);
    case "cut":
      return bytes.subarray(0, at);
    case "remove":
      return joined(bytes.subarray(0, at), bytes.subarray(at + change.length));
    case "repeat": {
      const part = bytes.subarray(at, at + change.length);
      return joined(bytes.subarray(0, at), ...new Array(change.times).fill(part), bytes.subarray(at));
    }
    case "splice": {
      const other = sounds[change.other % sounds.length]!;
      const from = Math.floor(change.from * other.length);
      return overwritten(bytes, at, other.subarray(from, from + change.length));
    }
  }
}

const overwritten = (bytes: Uint8Array, at: number, part: Uint8Array): Uint8Array =>
  joined(bytes.subarray(0, at), part, bytes.subarray(at + part.length));

function numberBytes(value: number, width: number, little: boolean): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), little);
  return little ? bytes.subarray(0, width) : bytes.subarray(8 - width);
}

function withToken(bytes: Uint8Array, nth: number, text: string): Uint8Array {
  const whole = Buffer.from(bytes).toString("latin1");
  const tokens = [...whole.slice(0, 20_000).matchAll(/"[^"]{0,200}"|-?\d+(?:\.\d+)?(?:e-?\d+)?|\w+/g)];
  if (tokens.length === 0) return bytes;
  const { index, 0: token } = tokens[nth % tokens.length]!;
  const after = whole.slice(index + token.length);
  return Buffer.from(whole.slice(0, index) + Buffer.from(text).toString("latin1") + after, "latin1");
}
