/** @file Pickles: what is read, and what is refused. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Pickled, unpickle } from "../../src/data/pickle.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { binstring, cifarPickleFile, dictionary, global, pickled, uint8Array } from "./pickles.ts";

const read = (...value: readonly Buffer[]): Pickled => unpickle("file", pickled(...value));
const raw = (...parts: readonly (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** An array of one byte whose shape is a value of any kind. */
const shapedBy = (shape: Buffer): Buffer => {
  const whole = uint8Array(1, 1, Uint8Array.of(7));
  const usual = raw([0x4a, 1, 0, 0, 0, 0x4a, 1, 0, 0, 0, 0x86]);
  const at = whole.indexOf(usual);
  return Buffer.concat([whole.subarray(0, at), shape, whole.subarray(at + usual.length)]);
};

describe("unpickle", () => {
  test.each<[string, Buffer, unknown]>([
    ["numbers", raw("(", [0x4b, 7], [0x4d, 1, 2], [0x4a, 0xfe, 255, 255, 255], "t"), [7, 513, -2]],
    ["None, True, False", raw("N", [0x88, 0x89, 0x87]), [null, true, false]],
    ["text of Python 3", raw([0x58, 2, 0, 0, 0], "é", [0x8c, 1], "a", [0x86]), ["é", "a"]],
    ["an item alone", raw("]", [0x4b, 1], "a"), [1]],
    ["a value twice", raw([0x4b, 5, 0x71, 0, 0x68, 0, 0x86]), [5, 5]],
    ["a value twice, by protocol 4", raw([0x4b, 5, 0x94, 0x4b, 6, 0x94, 0x68, 1, 0x87]), [5, 6, 6]],
  ])("reads %s", (_, value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  test("reads dictionaries, bytes and arrays of uint8", () => {
    const data = Uint8Array.from({ length: 6 }, (_, at) => at * 40);
    const value = read(dictionary({ a: binstring("xy"), b: uint8Array(2, 3, data) })) as Map<string, Pickled>;
    expect([...value.keys()]).toEqual(["a", "b"]);
    expect(Buffer.from(value.get("a") as Uint8Array).toString()).toBe("xy");
    expect(value.get("b")).toMatchObject({ shape: [2, 3], data: Buffer.from(data) });
  });

  test.each<[string, Buffer, RegExp]>([
    [
      "a call of a system function",
      raw("cos\nsystem\n(U", [2], "lstR"),
      /asks for os.system, which is refused/,
    ],
    ["eval", raw("c__builtin__\neval\n"), /asks for __builtin__.eval, which is refused/],
    ["a name given on the stack", raw([0x8c, 2], "os", [0x8c, 6], "system", [0x93]), /os.system, which/],
    ["another part of NumPy", global("numpy", "load"), /asks for numpy.load, which is refused/],
    ["a call of a value", raw("N)R"), /a call of what is no name .* is refused/],
    ["an array of another type", raw("cnumpy\ndtype\n(U", [2], "O8tR"), /a call of dtype .* is refused/],
    ["an object of a class", raw("(ios\nsystem\n"), /opcode INST at byte 3 is refused/],
    ["a persistent id", raw("N", [0x51]), /opcode BINPERSID at byte 3/],
    ["an extension", raw([0x82, 1]), /opcode EXT1 at byte 2/],
    ["NEWOBJ", raw("cnumpy\nndarray\n)", [0x81]), /opcode NEWOBJ at byte \d+ is refused/],
    ["state for a list", raw("]}b"), /BUILD is refused here/],
    ["an opcode of protocol 0", raw("I1\n"), /opcode 0x49 at byte 2 is refused/],
    ["an array whose bytes don't fit", uint8Array(2, 4, new Uint8Array(6)), /its bytes don't fit its shape/],
    ["a key that is a list", raw("}(]Nu"), /a key is no text/],
    ["an item for what is no list", raw("}Na"), /it appends to what is no list/],
    ["an entry for what is no dictionary", raw("](NNu"), /it sets items of no dictionary/],
    ["a name without an end", raw("cos"), /it ends within a name/],
    ["an empty stack", raw("0"), /opcode 0x30/],
    ["nothing to take", raw([0x85]), /its stack is empty/],
    ["no mark", raw("t"), /it lacks a mark/],
    ["a reference to nothing", raw([0x68, 9]), /refers to 9, which is not there/],
    ["a key that is a book", raw("}(", [0x58, 1, 4, 0, 0], "x".repeat(1025), "Nu"), /more than 1024 bytes/],
    ["a shape of lists", shapedBy(raw("]", [0x85])), /its bytes don't fit its shape/],
    [
      "a shape of 33 axes",
      shapedBy(raw("(", new Array(33).fill([0x4b, 1]).flat(), "t")),
      /don't fit its shape/,
    ],
    ["more values than any data set", Buffer.alloc(2_000_002, "N"), /more than 2000000 steps/],
  ])("refuses %s", (_, value, message) => {
    expect(() => read(value)).toThrow(InputError);
    expect(() => read(value)).toThrow(message);
    expect(() => read(value)).toThrow(
      /^file: can't be read as a pickle .*; get it from its official source$/,
    );
  });

  test("refuses other protocols and other files", () => {
    expect(() => unpickle("f", raw([0x80, 6], "N."))).toThrow(/protocol 6; expected 2 to 5/);
    expect(() => unpickle("f", raw("(dp0\n."))).toThrow(/does not start as one/);
    expect(() => unpickle("f", new Uint8Array())).toThrow(/does not start as one/);
  });

  test("a pickle that is cut off or damaged anywhere is an InputError, or another value", () => {
    const whole = cifarPickleFile([3, 9], new Uint8Array(6144).fill(7));
    const cuts = fc.nat(whole.length - 1);
    fc.assert(
      fc.property(cuts, (length) => {
        expect(() => unpickle("f", whole.subarray(0, length))).toThrow(InputError);
      }),
    );
    fc.assert(
      fc.property(cuts, fc.nat(255), (at, value) => {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        try {
          unpickle("f", damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
