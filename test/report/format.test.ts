import { expect, test } from "vitest";
import {
  bytes,
  count,
  decimal,
  duration,
  escapeHtml,
  percent,
  printable,
  rate,
  shorten,
} from "../../src/report/format.ts";

test("percent has one decimal, no minus zero, and a dash for nothing", () => {
  expect([0.7153, 1, 0, -0.0001, -0.15, null, undefined, Number.NaN].map(percent)).toEqual([
    "71.5",
    "100.0",
    "0.0",
    "0.0",
    "-15.0",
    "–",
    "–",
    "–",
  ]);
  expect(decimal(2.25, 0)).toBe("2");
});

test("bytes are decimal, with three digits", () => {
  expect([0, 999, 1000, 154_000, 999_600, 1_180_000, 2_860_000_000].map(bytes)).toEqual([
    "0 B",
    "999 B",
    "1.00 kB",
    "154 kB",
    "1.00 MB",
    "1.18 MB",
    "2.86 GB",
  ]);
});

test("durations carry into the next unit", () => {
  expect([6.24, 59.94, 59.96, 62, 3599.6, 3725].map(duration)).toEqual([
    "6.2 s",
    "59.9 s",
    "1 min 0 s",
    "1 min 2 s",
    "1 h 0 min",
    "1 h 2 min",
  ]);
});

test("rates and counts", () => {
  expect([0.512, 4.9, 15.31, 99.96, 179.4].map(rate)).toEqual(["0.51", "4.90", "15.3", "100", "179"]);
  expect([0, 999, 1000, 1_234_567].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
});

test("names lose control characters and direction overrides, but not their letters", () => {
  expect(printable("red \u001b[31m\nname \u202egnp")).toBe("red  [31m name  gnp");
  expect(printable("café 猫 👩‍🚀")).toBe("café 猫 👩‍🚀");
  expect(escapeHtml(`<b a="x" b='y'>&`)).toBe("&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
  expect([shorten("abcdef", 6), shorten("abcdefg", 6), shorten("👩👩👩", 2)]).toEqual([
    "abcdef",
    "abcde…",
    "👩…",
  ]);
});
