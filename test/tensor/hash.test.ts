import { expect, test } from "vitest";
import { fnv1a } from "../../src/tensor/hash.ts";

const hex = (text: string, before?: string): string => {
  const bytes = new TextEncoder().encode(text);
  const hash = before === undefined ? fnv1a(bytes) : fnv1a(bytes, fnv1a(new TextEncoder().encode(before)));
  return (hash >>> 0).toString(16).padStart(8, "0");
};

test("the published values of FNV-1a, 32 bits", () => {
  expect(["", "a", "foobar"].map((text) => hex(text))).toEqual(["811c9dc5", "e40c292c", "bf9cf968"]);
});

test("two parts hash as the whole", () => {
  expect(hex("bar", "foo")).toBe(hex("foobar"));
});
