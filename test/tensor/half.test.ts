import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHalf, toHalf } from "../../src/tensor/half.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const table = fromHalf(Uint16Array.from({ length: 65536 }, (_, bits) => bits));

test("every half-precision number is itself", () => {
  const numbers = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter(
    (bits) => !Number.isNaN(table[bits]),
  );
  expect(toHalf(Float32Array.from(numbers, (bits) => table[bits]!))).toEqual(numbers);
});

test("between two of them lies the nearer one, and exactly between them the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [table[bits]!, table[bits + 1]!];
    const middle = (low + high) / 2;
    const even = bits % 2 === 0 ? bits : bits + 1;
    const [below, tie, above] = toHalf(
      Float32Array.of((low + 3 * middle) / 4, middle, (high + 3 * middle) / 4),
    );
    expect([below, tie, above]).toEqual([bits, even, bits + 1]);
  }
});

test("the sign is kept, large numbers become infinite, and no number stays none", () => {
  expect([...toHalf(Float32Array.of(-0, 65519, 65520, -1e9, Number.POSITIVE_INFINITY))]).toEqual([
    0x8000, 0x7bff, 0x7c00, 0xfc00, 0x7c00,
  ]);
  expect(table[toHalf(Float32Array.of(Number.NaN))[0]!]).toBeNaN();
});

test("a file in half precision is off by one part in 2048 at most, and keeps other types as they are", () => {
  fc.assert(
    fc.property(fc.float32Array({ min: -60000, max: 60000, noNaN: true, minLength: 1 }), (data) => {
      const stored = {
        a: tensor("float32", [data.length], data),
        n: tensor("int32", [1], Int32Array.of(70000)),
      };
      const { tensors } = decodeSafetensors(encodeSafetensors(stored, {}, { half: true }), "file");
      expect(tensors.n!.data).toEqual(stored.n.data);
      for (const [i, value] of data.entries()) {
        expect(Math.abs(Number(tensors.a!.data[i]) - value)).toBeLessThanOrEqual(
          Math.max(Math.abs(value) / 2048, 2 ** -25),
        );
      }
    }),
  );
});
